/** Money as people read it. The API's prices are numbers with at most two decimals. */

const FORMAT = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

export function formatMoney(price) {
  return FORMAT.format(price);
}

/** The total of [{quantity, price}], added up in cents: 0.1 + 0.2 is not 0.3 in floating point. */
export function totalOf(lines) {
  return (
    lines.reduce((cents, line) => cents + line.quantity * Math.round(line.price * 100), 0) / 100
  );
}
