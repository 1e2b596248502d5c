// The token that a server may ask for. It is kept for this tab and goes to this page's own server alone, in a header: no
// address, log or other storage has it.

import { byId } from './element.js';

const PLACE = 'picket-token';

/** The server gives its model only to who has a token: `status` 401 where there is none or an unknown one, 403 where its role is too small. */
export class TokenNeeded extends Error {
  constructor(status) {
    super(status === 403 ? 'this token may not read the model' : 'this server gives its model to who has a token');
    this.status = status;
  }
}

/** What is tried now, and what the tab keeps. */
let token = null;

function kept() {
  try {
    return sessionStorage.getItem(PLACE);
  } catch {
    // Storage may be forbidden: then a token lasts as long as the page is open.
    return null;
  }
}

/** Keeps a token that was good, or forgets one. */
function keep(value) {
  try {
    if (value === null) sessionStorage.removeItem(PLACE);
    else sessionStorage.setItem(PLACE, value);
  } catch {
    // As above.
  }
}

/** As `fetch` of a file beside the page, with the token where there is one; throws `TokenNeeded`. */
export async function fetchBeside(name, options = {}) {
  token ??= kept();
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(name, { ...options, headers });
  if (response.status === 401 || response.status === 403) throw new TokenNeeded(response.status);
  return response;
}

/** Asks for a token where one is needed. */
export class TokenPrompt {
  /** `retry` opens the served model with the token that was given. */
  constructor(retry) {
    this.retry = retry;
    byId('token-form').onsubmit = (event) => {
      event.preventDefault();
      this.#use(byId('token-input').value.trim());
    };
    byId('forget-token').onclick = () => {
      this.forget();
      this.ask(new TokenNeeded(401));
    };
  }

  /** Shows what the server asks for, and says what was wrong with a token that was tried. */
  ask(error) {
    const tried = token !== null;
    const wrong = byId('token-wrong');
    if (error.status === 403) {
      wrong.textContent = 'The server knows this token, but its role is too small to read the model. Ask for one with the role viewer, score or feedback.';
    } else {
      wrong.textContent = tried ? 'The server does not know this token: it is mistyped, or was withdrawn.' : '';
    }
    this.forget();
    byId('token').hidden = false;
    const input = byId('token-input');
    if (wrong.textContent === '') input.removeAttribute('aria-invalid');
    else input.setAttribute('aria-invalid', 'true');
    input.value = '';
    input.focus();
  }

  /** A model was opened: what was asked for is not needed any more. */
  done() {
    byId('token').hidden = true;
    byId('token-wrong').textContent = '';
    if (token !== null) keep(token);
    byId('forget-token').hidden = token === null;
  }

  forget() {
    token = null;
    keep(null);
    byId('forget-token').hidden = true;
  }

  async #use(value) {
    // A header takes no other signs, and says so in words that nobody understands.
    if (!/^[\x21-\x7e]+$/.test(value)) {
      byId('token-wrong').textContent = 'A token is one word of letters, digits and signs, without spaces.';
      byId('token-input').setAttribute('aria-invalid', 'true');
      byId('token-input').focus();
      return;
    }
    token = value;
    const button = byId('token-use');
    button.disabled = true;
    await this.retry();
    button.disabled = false;
  }
}
