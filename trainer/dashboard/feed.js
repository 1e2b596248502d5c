// Asks the service again and again, more rarely while it does not answer, not at all while nobody looks.

/** What is asked for. Paths are relative: the service may stand below another path. */
const PATHS = { live: 'live', task: 'task?limit=20', models: 'models', alerts: 'alerts' };
/** How often, and how rarely at most, in milliseconds. */
const EVERY = 5000;
const RAREST = 60000;
/** An answer that takes longer is none. */
const PATIENCE = 20000;

class Refused extends Error {}

/** Asks the service; the handlers get what it says: `onData`, `onRefused`, `onAway`. */
export class Feed {
  #session;
  #handlers;
  #timer = null;
  #wait = EVERY;
  #isRunning = false;
  /** Answers to questions that were asked before the last start or stop count no more. */
  #round = 0;

  constructor(session, handlers) {
    this.#session = session;
    this.#handlers = handlers;
    document.addEventListener('visibilitychange', () => {
      if (!this.#isRunning) return;
      clearTimeout(this.#timer);
      if (!document.hidden) this.#ask();
    });
  }

  /** Asks now, and goes on. */
  start() {
    this.#isRunning = true;
    this.#wait = EVERY;
    this.#ask();
  }

  /** Asks no more. */
  stop() {
    this.#isRunning = false;
    this.#round += 1;
    clearTimeout(this.#timer);
  }

  async #ask() {
    clearTimeout(this.#timer);
    this.#round += 1;
    const round = this.#round;
    try {
      const names = Object.keys(PATHS);
      const answers = await Promise.all(names.map((name) => this.#fetch(PATHS[name])));
      if (round !== this.#round) return;
      this.#wait = EVERY;
      this.#handlers.onData(Object.fromEntries(names.map((name, idx) => [name, answers[idx]])));
    } catch (error) {
      if (round !== this.#round) return;
      if (error instanceof Refused) {
        this.stop();
        this.#handlers.onRefused();
        return;
      }
      this.#wait = Math.min(RAREST, this.#wait * 2);
      this.#handlers.onAway(error.message, this.#wait);
    }
    if (this.#isRunning && !document.hidden) {
      // Many open pages must not all come at once when the service is back.
      this.#timer = setTimeout(() => this.#ask(), this.#wait * (0.9 + 0.2 * Math.random()));
    }
  }

  async #fetch(path) {
    let response;
    try {
      response = await fetch(path, {
        headers: { accept: 'application/json', ...this.#session.headers },
        cache: 'no-store',
        credentials: 'omit',
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch (error) {
      throw new Error(error.name === 'TimeoutError' ? `no answer within ${PATIENCE / 1000} s` : 'no connection');
    }
    if (response.status === 401 || response.status === 403) throw new Refused();
    if (response.status === 429) throw new Error('too many requests');
    if (!response.ok) throw new Error(`status ${response.status}`);
    try {
      return await response.json();
    } catch {
      throw new Error('an answer that is not JSON');
    }
  }
}
