/** What several pages must agree on. */

/** The apps that the shop is made of, in the order in which they are shown. */
export const APPS = ["cart", "catalog", "orders", "payments"];

/** So many pieces of a product, or fewer, are few. */
export const LOW_STOCK = 5;
