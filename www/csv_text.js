// The text of a CSV file whose records' positions are known: reading single records for the table
// and writing the file again with two columns more.

/** A CSV file and what was read from it. */
export class CsvText {
  #bytes;
  #spans;
  #decoder = new TextDecoder('utf-8', { ignoreBOM: false });

  constructor(bytes, recordSpans) {
    this.#bytes = bytes;
    this.#spans = recordSpans;
  }

  /** How many records there are, the header not counted. */
  get recordCount() {
    return this.#spans.length / 2 - 1;
  }

  /** The column names. */
  header() {
    return fieldsOf(this.#text(0));
  }

  /** The fields of a record, from 0. */
  record(index) {
    return fieldsOf(this.#text(index + 1));
  }

  /** The file with columns added. `addedFields(index)` gives a record's, `null` the header's. */
  withColumns(addedFields) {
    const newline = this.#newline();
    const parts = [];
    for (let place = 0; place <= this.recordCount; place += 1) {
      const added = addedFields(place === 0 ? null : place - 1);
      parts.push(this.#slice(place), `,${added.map(quoted).join(',')}${newline}`);
    }
    return new Blob(parts, { type: 'text/csv' });
  }

  #slice(place) {
    return this.#bytes.subarray(this.#spans[place * 2], this.#spans[place * 2 + 1]);
  }

  #text(place) {
    return this.#decoder.decode(this.#slice(place));
  }

  #newline() {
    return this.#bytes[this.#spans[1]] === 0x0d ? '\r\n' : '\n';
  }
}

/** The fields of one record. */
export function fieldsOf(text) {
  const fields = [];
  let at = 0;
  while (at <= text.length) {
    if (text[at] === '"') {
      let value = '';
      at += 1;
      while (at < text.length && !(text[at] === '"' && text[at + 1] !== '"')) {
        at += text[at] === '"' ? 1 : 0;
        value += text[at];
        at += 1;
      }
      const comma = text.indexOf(',', at);
      const end = comma < 0 ? text.length : comma;
      fields.push(value + text.slice(at + 1, end));
      at = end + 1;
    } else {
      const comma = text.indexOf(',', at);
      const end = comma < 0 ? text.length : comma;
      fields.push(text.slice(at, end));
      at = end + 1;
    }
  }
  return fields;
}

function quoted(field) {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
