// Requests to the service.

const PREFIX = "/v1";
let token = sessionStorage.getItem("token") ?? "";
let askForToken = async () => "";

/** An error that the service reports (RFC 9457), or a failure to reach it. */
export class Problem extends Error {
  constructor(detail, status = 0, retryAfter = 0) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Read a token from the fragment of the page's URL; `ask` prompts for one that is missing. */
export function prepare(ask) {
  askForToken = ask;
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keepToken(given);
    history.replaceState(null, "", location.pathname);
  }
}

export async function models() {
  return (await request("/models")).json();
}

/** The JSON schemas of a job's options by name, from the OpenAPI document. */
export async function optionSchemas() {
  const { paths } = await (await fetch("/openapi.json")).json();
  const merged = ({ name, schema }) => [name, Object.assign({}, schema, ...(schema.anyOf ?? []))];
  return Object.fromEntries(paths[`${PREFIX}/jobs`].post.parameters.map(merged));
}

/** Upload a picture; returns the job's status. */
export async function submit(file, options, { signal, onUpload }) {
  const query = new URLSearchParams(options);
  for (;;) {
    const answer = await post(`${PREFIX}/jobs?${query}`, file, { signal, onUpload });
    if (answer.status === 202) return JSON.parse(answer.text);
    const problem = problemOf(answer.status, answer.text, answer.retryAfter);
    if (problem.status === 401) keepToken(await askForToken());
    else if (isBusy(problem)) await pauseFor(problem, signal);
    else throw problem;
  }
}

/** Yield a job's status at every change, until it has finished. */
export async function* follow(id, signal) {
  for (let failures = 0; ; ) {
    try {
      const response = await request(`/jobs/${id}/events`, { signal });
      for await (const data of events(response.body)) {
        failures = 0;
        const status = JSON.parse(data);
        yield status;
        if (["done", "failed", "cancelled"].includes(status.state)) return;
      }
    } catch (error) {
      if (signal.aborted || error.status === 404 || ++failures > 5) throw error;
    }
    await pause(1, signal); // the connection was lost: try again
  }
}

/** Fetch the guided masks for a picture, stacked in one image. */
export async function fetchMasks(file, options, signal) {
  const type = { "Content-Type": "application/octet-stream" };
  const query = new URLSearchParams(options);
  for (;;) {
    try {
      return await (await request(`/masks?${query}`, { method: "POST", body: file, type, signal })).blob();
    } catch (error) {
      if (!isBusy(error)) throw error;
      await pauseFor(error, signal);
    }
  }
}

export async function fetchPart(address, signal) {
  return (await request(address.slice(PREFIX.length), { signal })).blob();
}

/** Cancel a job; also while the page is unloaded. */
export function discard(id) {
  request(`/jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

function isBusy({ status, retryAfter }) {
  return status === 429 || (status === 503 && retryAfter > 0);
}

function pauseFor({ retryAfter }, signal) {
  return pause(Math.min(retryAfter || 2, 15), signal);
}

async function request(path, { type, ...options } = {}) {
  for (;;) {
    let response;
    try {
      response = await fetch(PREFIX + path, { ...options, headers: { ...headers(), ...type } });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw unreachable();
    }
    if (response.ok) return response;
    const retryAfter = Number(response.headers.get("Retry-After"));
    const problem = problemOf(response.status, await response.text(), retryAfter);
    if (problem.status !== 401 || options.keepalive) throw problem;
    keepToken(await askForToken());
  }
}

/** Upload a body and report the progress, which fetch cannot. */
function post(address, body, { signal, onUpload }) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", address);
    for (const [name, value] of Object.entries(headers())) sending.setRequestHeader(name, value);
    sending.setRequestHeader("Content-Type", "application/octet-stream");
    sending.upload.onprogress = (event) => onUpload(event.loaded / event.total);
    sending.onload = () => {
      const retryAfter = Number(sending.getResponseHeader("Retry-After"));
      resolve({ status: sending.status, text: sending.responseText, retryAfter });
    };
    sending.onerror = () => reject(unreachable());
    sending.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => sending.abort());
    if (signal.aborted) reject(signal.reason);
    else sending.send(body);
  });
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield line.slice(6);
  }
}

function problemOf(status, text, retryAfter) {
  try {
    return new Problem(JSON.parse(text).detail, status, retryAfter);
  } catch {
    return new Problem(`The service responded with status ${status}.`, status, retryAfter);
  }
}

function unreachable() {
  return new Problem("The service is not reachable. Is it still running?");
}

function headers() {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function keepToken(given) {
  token = given;
  sessionStorage.setItem("token", token);
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
