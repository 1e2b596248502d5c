// The token, as long as the tab is open.

const KEY = 'picket-token';

/** Who looks. The token is kept in this tab only: never in a cookie, an address or on the disk. */
export class Session {
  /** The headers that say who asks. */
  get headers() {
    const token = sessionStorage.getItem(KEY);
    return token === null ? {} : { authorization: `Bearer ${token}` };
  }

  get isSignedIn() {
    return sessionStorage.getItem(KEY) !== null;
  }

  keep(token) {
    sessionStorage.setItem(KEY, token);
  }

  forget() {
    sessionStorage.removeItem(KEY);
  }
}
