/**
 * The only module that calls fetch: the key, time limits, errors in words, and idempotency keys.
 * Nothing here touches the page.
 */

import { getKey } from "./session.js";

const TIMEOUT_MS = 30_000;

/** The keys of POSTs whose outcome is not known, by what was sent. */
const unsettled = new Map();
let refusal = null;
let keyRefused = () => {};

/**
 * A call that failed. `message` has no full stop at its end; `status` is 0 if nobody answered;
 * `isWrite` says whether the request, if one was sent, was to change anything.
 */
export class ApiError extends Error {
  constructor(status, message, members = {}, isWrite = false) {
    super(message.replace(/\.$/, ""));
    this.name = "ApiError";
    this.status = status;
    this.members = members;
    this.isWrite = isWrite;
  }

  /** Only an app itself can say that nothing was done; the way to it cannot, nor half an answer. */
  get isUnknown() {
    const isSilent = this.status < 400 || [500, 502, 504].includes(this.status);
    return this.isWrite && (isSilent || this.isRunning);
  }

  /** The same request was sent before and is still being answered. */
  get isRunning() {
    return this.status === 409 && this.message.endsWith("is still running");
  }
}

/** Have `handler(message)` called whenever the key is refused, whichever call it was. */
export function whenKeyRefused(handler) {
  keyRefused = handler;
  if (refusal !== null) handler(refusal);
}

/**
 * Send a request to the shop's API. `options`: `body` (sent as JSON, a File as it is), `headers`,
 * `timeoutMs`, `asBlob`, `isDryRun` (nothing is changed by it). Resolves to {status, data, headers}.
 * Throws ApiError.
 */
export async function call(method, path, options = {}) {
  const key = getKey();
  const response = await send(method, path, key, options);
  if (response.ok && options.asBlob) return { data: await readBlob(response) };
  if (response.status === 204) return { status: 204, data: null, headers: response.headers };
  const data = await response.json().catch(() => null);
  if (response.ok && data !== null)
    return { status: response.status, data, headers: response.headers };
  const detail =
    data?.detail ?? `The shop gave an answer that this page cannot read (${response.status})`;
  // A late answer may be about the key that was there before.
  if (response.status === 401 && key === getKey()) {
    refusal = detail;
    keyRefused(detail);
  }
  throw new ApiError(response.status, detail, data ?? {}, isWrite(method, options));
}

/**
 * POST with an idempotency key of its own. Where it stays unknown what became of it, the same
 * request sent again carries the same key: however often somebody clicks, it takes effect once.
 */
export async function post(path, options = {}, key) {
  const signature = `${path} ${describe(options.body)}`;
  const own = key ?? unsettled.get(signature) ?? newKey();
  unsettled.set(signature, own);
  try {
    const headers = { ...options.headers, "Idempotency-Key": own };
    const answer = await call("POST", path, { ...options, headers });
    unsettled.delete(signature);
    return answer;
  } catch (error) {
    if (!(error instanceof ApiError) || !error.isUnknown) unsettled.delete(signature);
    throw error;
  }
}

/** What is sent to this path from here on is meant anew, whatever became of it before. */
export function forgetUnsettled(path) {
  for (const signature of unsettled.keys())
    if (signature.startsWith(path)) unsettled.delete(signature);
}

/** crypto.randomUUID would be missing where the shop is served without TLS. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function describe(body) {
  return body instanceof File
    ? `${body.name} ${body.size} ${body.lastModified}`
    : JSON.stringify(body);
}

async function readBlob(response) {
  try {
    return await response.blob();
  } catch {
    throw new ApiError(0, "The shop's answer broke off");
  }
}

async function send(method, path, key, options) {
  const { body, headers = {}, timeoutMs = TIMEOUT_MS } = options;
  const isJson = body !== undefined && !(body instanceof Blob);
  const type = isJson ? { "Content-Type": "application/json" } : {};
  try {
    return await fetch(`/api${path}`, {
      method,
      headers: {
        Accept: "application/json, text/csv",
        "X-API-Key": key ?? "",
        ...type,
        ...headers,
      },
      body: isJson ? JSON.stringify(body) : body,
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const isLate = error.name === "TimeoutError";
    const said = isLate ? "The shop did not answer in time" : "The shop cannot be reached";
    throw new ApiError(0, said, {}, isWrite(method, options));
  }
}

function isWrite(method, { isDryRun }) {
  return method !== "GET" && !isDryRun;
}
