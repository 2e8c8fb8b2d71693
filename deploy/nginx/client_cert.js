// The client's verified certificate as RFC 9440 wants it: one byte sequence, `:base64 of DER:`.
// PEM holds just that base64 between its two marks. Empty when there is none: no header is sent.
function rfc9440(request) {
    var pem = request.variables.ssl_client_raw_cert;
    if (request.variables.ssl_client_verify !== "SUCCESS" || !pem) {
        return "";
    }
    var body = pem.split("-----")[2];
    return body ? ":" + body.replace(/\s+/g, "") + ":" : "";
}

export default { rfc9440 };
