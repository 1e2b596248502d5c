// Numbers in words.

const MINUS = '\u2212';
const WHOLE = new Intl.NumberFormat('en');

/** A count with thousands apart: `11,055`. */
export function countText(n) {
  return WHOLE.format(n);
}

/** A probability in percent. Never rounds to a certainty that is not there. */
export function percentText(share) {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  if (percent < 100 && percent > 99.9) return '> 99.9 %';
  return `${percent.toFixed(1)} %`;
}

/** A signed number with two decimals: `+1.25`. */
export function signedText(x) {
  const text = Math.abs(x).toFixed(2);
  if (Number(text) === 0) return '0.00';
  return (x < 0 ? MINUS : '+') + text;
}

/** The shortest text that reads back as the same f32: `0.17`, not `0.17000000178813934`. */
export function f32Text(x) {
  if (Number.isNaN(x)) return '';
  for (let digits = 6; digits <= 9; digits += 1) {
    const text = String(Number(x.toPrecision(digits)));
    if (Math.fround(Number(text)) === x) return text;
  }
  return String(x);
}

/** A size in bytes: `1.2 MB`. */
export function bytesText(n) {
  if (n < 1000) return `${n} bytes`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
  return `${(n / 1e6).toFixed(1)} MB`;
}
