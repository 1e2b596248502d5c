// A CSV file with its scores.

import { CsvText } from './csv_text.js';

/** Rows scored in one go: short enough that the page stays awake. */
const CHUNK_ROWS = 4096;

/** A file's rows, scores and errors. */
export class ScoredFile {
  /** Reads and scores a file. `onProgress` gets the share that is done. */
  static async of(model, name, bytes, onProgress) {
    const csv = model.readCsv(bytes);
    const width = model.features.length;
    const count = csv.recordIndexes.length;
    const file = new ScoredFile();
    file.model = model;
    file.name = name;
    file.rows = csv.rows;
    file.recordIndexes = csv.recordIndexes;
    file.errors = csv.errors;
    file.errorCount = csv.errorCount;
    file.text = new CsvText(bytes, csv.recordSpans);
    file.scores = new Float64Array(count);
    file.verdicts = new Uint8Array(count);
    for (let start = 0; start < count; start += CHUNK_ROWS) {
      const end = Math.min(count, start + CHUNK_ROWS);
      const scored = model.score(csv.rows.subarray(start * width, end * width));
      for (let row = start; row < end; row += 1) {
        file.scores[row] = scored[(row - start) * 3 + 1];
        file.verdicts[row] = scored[(row - start) * 3 + 2];
      }
      onProgress(end / count);
      await new Promise((resume) => { setTimeout(resume, 0); });
    }
    return file;
  }

  /** How many rows have a score. */
  get rowCount() {
    return this.scores.length;
  }

  /** How many rows have none, for a field of theirs is wrong. */
  get wrongRowCount() {
    return this.text.recordCount - this.rowCount;
  }

  /** How many rows have a verdict. */
  count(verdict) {
    return this.verdicts.reduce((sum, code) => sum + (code === verdict ? 1 : 0), 0);
  }

  /** A row's values. */
  row(index) {
    const width = this.model.features.length;
    return this.rows.subarray(index * width, (index + 1) * width);
  }

  /** Rows with a verdict (`null`: any), in file order or the highest score first. */
  select(verdict, byScore) {
    const rows = [];
    for (let row = 0; row < this.rowCount; row += 1) {
      if (verdict === null || this.verdicts[row] === verdict) rows.push(row);
    }
    return byScore ? rows.sort((a, b) => this.scores[b] - this.scores[a] || a - b) : rows;
  }

  /** The file with score and verdict beside each row. */
  download() {
    const rowOf = new Map(Array.from(this.recordIndexes, (record, row) => [record, row]));
    const header = this.text.header();
    const added = ['score', 'verdict'].map((name) => (header.includes(name) ? `picket_${name}` : name));
    return this.text.withColumns((record) => {
      if (record === null) return added;
      const row = rowOf.get(record);
      if (row === undefined) return ['', 'error'];
      return [String(this.scores[row]), this.model.verdictName(this.verdicts[row])];
    });
  }
}
