// Verifies messages with the reference library: JSON lines in, "true" or "false" lines out.
const { Webhook } = require("standardwebhooks");
const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  const { secret, headers, body } = JSON.parse(line);
  let accepted = true;
  try {
    new Webhook(secret).verify(body, headers);
  } catch (error) {
    accepted = false;
  }
  console.log(String(accepted));
}
