// Signing in and enrolling, with nothing but this file. The session is in a cookie that no script sees.
'use strict';

const at = (id) => document.getElementById(id);
const tell = (text) => { at('status').textContent = text; };

async function call(path, body, method = 'POST') {
  const given = { method, headers: { 'Paywarden-Request': '1' }, credentials: 'same-origin' };
  if (body !== undefined) {
    given.headers['Content-Type'] = 'application/json';
    given.body = JSON.stringify(body);
  }
  const answer = await fetch('/v1/identity/' + path, given);
  const read = await answer.json();
  if (!answer.ok) throw new Error(`${read.detail} [${read.code}]`);
  return read;
}

async function assertion(path, body) {
  const { publicKey } = await call(path + '/options', body);
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  const credential = await navigator.credentials.get({ publicKey: options });
  return call(path, { ...body, credential: credential.toJSON() });
}

async function show() {
  const me = await call('me', undefined, 'GET');
  at('enter').hidden = me.kind === 'full';
  at('enrol').hidden = false;
  at('signed-in').hidden = me.kind !== 'full';
  const factors = await call('factors', undefined, 'GET');
  const lines = factors.passkeys.map((one) => `passkey: ${one.name}`);
  if (factors.password_set_at) lines.push('password');
  if (factors.totp) lines.push('one-time codes');
  lines.push(`recovery codes left: ${factors.recovery_codes_left}`);
  at('factors').replaceChildren(...lines.map((line) => {
    const item = document.createElement('li');
    item.textContent = line;
    return item;
  }));
  tell(me.kind === 'full' ? `Signed in as ${me.login}` : `Enrolling ${me.login}: add a passkey, then sign in`);
}

const environment = () => at('environment').value;

const acts = {
  async passkey() { await assertion('sign-in/passkey', { environment: environment() }); await show(); },
  async 'password-form'() {
    const login = at('login').value, password = at('password').value;
    await call('sign-in/password', { environment: environment(), login, password });
    await call('sign-in/totp', { code: at('code').value });
    await show();
  },
  async 'recovery-form'() {
    const body = { environment: environment(), login: at('recovery-login').value, code: at('recovery-code').value };
    await call('sign-in/recovery', body);
    await show();
  },
  async 'passkey-form'() {
    const { publicKey } = await call('factors/passkeys/options');
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
    const credential = await navigator.credentials.create({ publicKey: options });
    await call('factors/passkeys', { name: at('passkey-name').value, credential: credential.toJSON() });
    await show();
  },
  async 'new-password-form'() {
    await call('factors/password', { password: at('new-password').value });
    await show();
  },
  async totp() {
    const begun = await call('factors/totp');
    at('totp-secret').textContent = `${begun.secret} (${begun.uri})`;
    at('totp-form').hidden = false;
  },
  async 'totp-form'() {
    await call('factors/totp/confirm', { code: at('totp-code').value });
    at('totp-secret').textContent = '';
    at('totp-form').hidden = true;
    await show();
  },
  async recovery() {
    const { codes } = await call('factors/recovery-codes');
    at('recovery-codes').textContent = codes.join('\n');
    await show();
  },
  async 'sign-out'() { await call('sign-out'); location.replace('/sign-in'); },
};

for (const [id, act] of Object.entries(acts)) {
  at(id).addEventListener(id.endsWith('-form') ? 'submit' : 'click', async (event) => {
    event.preventDefault();
    tell('\u2026');
    try { await act(); } catch (fault) { tell(fault.message); }
  });
}

async function start() {
  const [where, token] = location.hash.slice(1).split(':');
  if (token) {
    history.replaceState(null, '', location.pathname);
    await call('sign-in/link', { environment: where, token });
    at('environment').value = where;
    return show();
  }
  const known = await fetch('/v1/identity/me', { credentials: 'same-origin' });
  if (known.ok) await show();
}

start().catch((fault) => tell(fault.message));
