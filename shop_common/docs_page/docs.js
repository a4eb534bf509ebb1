/** Shows the OpenAPI 3.1 document that stands in this page. It asks nothing of the network. */

const METHODS = ["get", "post", "put", "patch", "delete"];
const MAX_DEPTH = 6;

const api = JSON.parse(document.getElementById("openapi").textContent);
// The address before each path, as the client sees it: an app stands behind a prefix of the proxy.
const base = new URL(api.servers?.[0]?.url ?? "", location.origin).href.replace(/\/$/, "");

/** An element. Children are elements or plain text, so nothing of the document becomes markup. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat(Infinity).filter((child) => child ?? false));
  return element;
}

/** Text of the document, in which `backticks` mark code. */
function prose(text = "") {
  return text.split("`").map((part, at) => at % 2 ? el("code", {}, part) : part);
}

function resolve(item) {
  if (!item?.$ref) return item ?? {};
  const target = item.$ref.slice(2).split("/").reduce((at, name) => at?.[name], api);
  return { ...target, ...item, $ref: undefined, title: item.$ref.split("/").pop() };
}

function showPage() {
  const { title, version, description } = api.info;
  document.title = title;
  document.getElementById("top").append(
    el("h1", {}, title, " ", el("small", {}, version)),
    description ? el("p", {}, prose(description)) : "",
    el("p", {}, "Each example is a line for the shell. Those with a key read it from ",
      el("code", {}, "API_KEY"), ": ", el("code", {}, "export API_KEY=…"), "."),
  );
  for (const [group, operations] of byGroup()) {
    if (operations.length === 0) continue;
    document.getElementById("operations").append(
      el("section", {}, el("h2", {}, group), operations.map(operationDetails)));
  }
}

/** Operations by tag, in the order of the document's tags, or else by the first part of the path. */
function byGroup() {
  const groups = new Map(api.tags?.map(({ name }) => [name, []]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => name in item)) {
      const operation = { ...item[method], path, method };
      operation.parameters = [item.parameters ?? [], operation.parameters ?? []].flat().map(resolve);
      const group = operation.tags?.[0] ?? path.split("/")[1];
      groups.set(group, [...(groups.get(group) ?? []), operation]);
    }
  }
  return groups;
}

function operationDetails(operation) {
  const { method, path, summary, description, operationId, parameters, responses } = operation;
  const body = resolve(operation.requestBody);
  const details = el("details", { class: "operation", id: operationId ?? `${method}${path}` },
    el("summary", {},
      el("span", { class: `method ${method}` }, method.toUpperCase()), " ",
      el("code", { class: "path" }, path), " ",
      el("span", { class: "about" }, prose(summary)),
      needsKey(operation) ? "" : el("span", { class: "public" }, "no key")),
    operationId ? el("p", { class: "id" }, "operationId ", el("code", {}, operationId)) : "",
    description ? el("p", {}, prose(description)) : "",
    curl(operation, body),
    parameters.length ? [el("h3", {}, "Parameters"), el("ul", { class: "fields" },
      parameters.map((each) => field(each.name,
        { description: each.description, ...resolve(each.schema) }, each.required, each.in, 0)))] : [],
    body.content
      ? [el("h3", {}, body.required ? "Body" : "Body, optional"), contents(body.content)] : [],
    el("h3", {}, "Answers"),
    el("ul", { class: "answers" }, Object.entries(responses ?? {}).map(answer)));
  details.open = location.hash === `#${details.id}`;
  return details;
}

function needsKey(operation) {
  return (operation.security ?? api.security ?? []).length > 0;
}

function answer([status, response]) {
  const { description, content } = resolve(response);
  return el("li", {}, el("strong", { class: status < "400" ? "good" : "bad" }, status), " ",
    prose(description), content ? contents(content) : "");
}

function contents(content) {
  return el("div", { class: "contents" }, Object.entries(content).map(([type, { schema }]) => [
    el("code", { class: "media" }, type), schema ? schemaTree(resolve(schema), 0) : "",
  ]));
}

/** A schema: its type in words, and below it the members of the object or of the list's items. */
function schemaTree(schema, depth) {
  return el("div", { class: "schema" },
    el("span", { class: "type" }, typeText(schema)), members(schema, depth));
}

function members(schema, depth) {
  if (depth > MAX_DEPTH) return "";  // a schema may contain itself
  const parts = [schema, ...variantsOf(schema)].map(resolve);
  const inner = parts.flatMap((part) => part.items ? resolve(part.items) : part);
  const rows = inner.flatMap((part) => Object.entries(part.properties ?? {}).map(
    ([name, each]) => field(name, resolve(each), part.required?.includes(name), "", depth + 1)));
  return rows.length > 0 ? el("ul", { class: "fields" }, rows) : "";
}

function field(name, schema, isRequired, place, depth) {
  const facts = [place, typeText(schema), isRequired ? "required" : "", ...limits(schema)];
  return el("li", {}, el("code", { class: "name" }, name), " ",
    el("span", { class: "type" }, facts.filter(Boolean).join(", ")),
    schema.description ? el("p", {}, prose(schema.description)) : "", members(schema, depth));
}

function variantsOf(schema) {
  return ["allOf", "oneOf", "anyOf"].flatMap((name) => schema[name] ?? []);
}

function typeText(schema) {
  const variants = variantsOf(schema);
  if (variants.length) return variants.map((part) => typeText(resolve(part))).join(" or ");
  const type = [schema.type ?? "any"].flat().join(" or ");
  if (type.includes("array")) return `list of ${typeText(resolve(schema.items))}`;
  const title = schema.title ? `${schema.title} (${type})` : type;
  return schema.format ? `${title}, ${schema.format}` : title;
}

function limits(schema) {
  const words = { minimum: "from", maximum: "to", exclusiveMinimum: "above",
    exclusiveMaximum: "below", minLength: "min. length", maxLength: "max. length",
    minItems: "min. items", maxItems: "max. items", pattern: "pattern" };
  const isLimit = (key) => key in schema && !(key === "minLength" && schema[key] === 0);
  const facts = Object.keys(words).filter(isLimit).map((key) => `${words[key]} ${schema[key]}`);
  const { enum: values, default: preset } = schema;
  if (values) facts.push(`one of ${values.map((value) => JSON.stringify(value)).join(", ")}`);
  if (!["", null, undefined].includes(preset)) facts.push(`default ${JSON.stringify(preset)}`);
  return facts;
}

/** A value that could stand for the schema in an example. */
function example(schema, name, depth = 0) {
  const given = schema.example ?? schema.examples?.[0] ?? schema.default ?? schema.enum?.[0];
  if (given !== undefined || depth > MAX_DEPTH) return given ?? null;
  const parts = [schema.allOf ?? [], schema.oneOf?.[0] ?? [], schema.anyOf?.[0] ?? []].flat();
  const type = [schema.type ?? (schema.properties ? "object" : "")].flat()[0];
  if (parts.length) return example(Object.assign({}, ...parts.map(resolve)), name, depth + 1);
  if (type === "array") return [example(resolve(schema.items), name, depth + 1)];
  if (type === "object") {
    // What may be left out is left out; a schema that requires nothing shows all it takes.
    const names = schema.required?.length ? schema.required : Object.keys(schema.properties ?? {});
    return Object.fromEntries(names.map(
      (key) => [key, example(resolve(schema.properties[key]), key, depth + 1)]));
  }
  return { integer: 1, number: 9.99, boolean: true }[type] ?? name.toUpperCase();
}

function curlLine({ method, path, parameters, ...operation }, body) {
  const value = ({ name, schema, example: given }) =>
    encodeURIComponent(example({ example: given, ...resolve(schema) }, name));
  const named = (place) => parameters.filter((each) => each.in === place);
  const filled = named("path").reduce((at, each) => at.replace(`{${each.name}}`, value(each)), path);
  const query = named("query").filter((each) => each.required)
    .map((each) => `${each.name}=${value(each)}`);
  const [type, media] = Object.entries(body.content ?? {})[0] ?? [];
  const data = type?.includes("json")
    ? quote(JSON.stringify(example(resolve(media.schema), "body"))) : "@FILE";
  return ["curl -sS", method === "get" ? "" : `-X ${method.toUpperCase()}`,
    needsKey(operation) ? '-H "X-API-Key: $API_KEY"' : "",
    type ? `-H ${quote(`Content-Type: ${type}`)} --data-binary ${data}` : "",
    quote(base + filled + (query.length ? `?${query.join("&")}` : "")),
  ].filter(Boolean).join(" ");
}

/** A word of the shell, whatever is in it. */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function curl(operation, body) {
  const line = el("code", {}, curlLine(operation, body));
  const button = el("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(line);
    // Without https the browser gives no clipboard: the line is selected, to be copied by hand.
    await navigator.clipboard?.writeText(line.textContent);
    button.textContent = navigator.clipboard ? "Copied" : "Selected";
  });
  return el("div", { class: "curl" }, line, button);
}

showPage();
