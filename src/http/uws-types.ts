/** The part of uWebSockets.js that Doorbuster uses, declared by hand: the packaged binaries come without types. */

export type Bytes = string | ArrayBuffer | Uint8Array;

/** Native handle of an open listener; only ever given back to the library. */
export interface us_listen_socket {
  readonly __listenSocket: never;
}

export interface us_socket_context_t {
  readonly __socketContext: never;
}

/** Valid only inside the handler it was given to. */
export interface HttpRequest {
  /** The first header of that name, or ''. */
  getHeader(lowerCaseName: string | ArrayBuffer): string;
  getParameter(index: number | string): string;
  getUrl(): string;
  /** Lower case. */
  getMethod(): string;
  /** The raw query string without `?`, or ''. */
  getQuery(): string;
  /** Names in lower case, in order, duplicates included. */
  forEach(each: (lowerCaseName: string, value: string) => void): void;
  setYield(wanted: boolean): HttpRequest;
}

/** After `onAborted` has fired or an answer is complete, any use throws. */
export interface HttpResponse {
  writeStatus(status: Bytes): HttpResponse;
  writeHeader(name: string, value: string): HttpResponse;
  write(chunk: Bytes): boolean;
  end(body?: Bytes, closeConnection?: boolean): HttpResponse;
  endWithoutBody(reportedContentLength?: number, closeConnection?: boolean): HttpResponse;
  close(): HttpResponse;
  pause(): HttpResponse;
  resume(): HttpResponse;
  onAborted(handler: () => void): HttpResponse;
  /** The chunk's ArrayBuffer is detached when the handler returns. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): HttpResponse;
  cork(write: () => void): HttpResponse;
  getRemoteAddress(): ArrayBuffer;
  getRemoteAddressAsText(): ArrayBuffer;
  upgrade<UserData>(
    userData: UserData,
    secWebSocketKey: string,
    secWebSocketProtocol: string,
    secWebSocketExtensions: string,
    context: us_socket_context_t,
  ): void;
}

/** 1 sent, 0 buffered, 2 dropped. */
export type SendStatus = 0 | 1 | 2;

/** Valid from `open` to `close`. What was given to `upgrade` is reached through `getUserData`. */
export interface WebSocket<UserData> {
  send(message: Bytes, isBinary?: boolean, compress?: boolean): SendStatus;
  getBufferedAmount(): number;
  end(code?: number, shortMessage?: string): void;
  close(): void;
  ping(message?: Bytes): SendStatus;
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): boolean;
  isSubscribed(topic: string): boolean;
  publish(topic: string, message: Bytes, isBinary?: boolean, compress?: boolean): boolean;
  cork(write: () => void): WebSocket<UserData>;
  getRemoteAddressAsText(): ArrayBuffer;
  getUserData(): UserData;
}

export interface WebSocketBehavior<UserData> {
  /** Bytes; default 16 KiB. */
  maxPayloadLength?: number;
  /** Seconds: 0, or 8 to 960. */
  idleTimeout?: number;
  /** Bytes; default 64 KiB. */
  maxBackpressure?: number;
  closeOnBackpressureLimit?: boolean;
  sendPingsAutomatically?: boolean;
  compression?: number;
  upgrade?: (res: HttpResponse, req: HttpRequest, context: us_socket_context_t) => void;
  open?: (ws: WebSocket<UserData>) => void;
  /** The ArrayBuffer is detached when the handler returns. */
  message?: (ws: WebSocket<UserData>, message: ArrayBuffer, isBinary: boolean) => void;
  drain?: (ws: WebSocket<UserData>) => void;
  close?: (ws: WebSocket<UserData>, code: number, message: ArrayBuffer) => void;
  dropped?: (ws: WebSocket<UserData>, message: ArrayBuffer, isBinary: boolean) => void;
}

export type HttpHandler = (res: HttpResponse, req: HttpRequest) => void;
type Listening = (socket: us_listen_socket | false) => void;

export interface TemplatedApp {
  get(pattern: string, handler: HttpHandler): TemplatedApp;
  post(pattern: string, handler: HttpHandler): TemplatedApp;
  any(pattern: string, handler: HttpHandler): TemplatedApp;
  ws<UserData>(pattern: string, behavior: WebSocketBehavior<UserData>): TemplatedApp;
  publish(topic: string, message: Bytes, isBinary?: boolean, compress?: boolean): boolean;
  numSubscribers(topic: string): number;
  /** Names this app for an app of another thread, which hands it connections. */
  getDescriptor(): unknown;
  addChildAppDescriptor(descriptor: unknown): TemplatedApp;
  removeChildAppDescriptor(descriptor: unknown): TemplatedApp;
  listen(host: string, port: number, listening: Listening): TemplatedApp;
  listen(host: string, port: number, options: number, listening: Listening): TemplatedApp;
  listen_unix(listening: Listening, path: string): TemplatedApp;
  /** Closes listeners and every connection at once. */
  close(): TemplatedApp;
}

export interface Uws {
  App(options?: Record<string, unknown>): TemplatedApp;
  us_listen_socket_close(socket: us_listen_socket): void;
  us_socket_local_port(socket: us_listen_socket): number;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  readonly DISABLED: number;
}
