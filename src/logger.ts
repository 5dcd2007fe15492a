/**
 * JSON lines to stderr; stdout belongs to the commands. Written synchronously: what is logged just before a crash
 * is what one wants to read, and nothing on the claim path logs.
 *
 * Secrets are kept out twice: members that usually carry one are censored by name, and the values this process
 * knows are struck out of every line, in whatever message or stack they turn up.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

const MEMBERS = [
  'authorization',
  'token',
  'adminToken',
  'gatewayKey',
  'jwtSecret',
  'codeKey',
  'password',
  'cookie',
  '["x-gateway-key"]',
];
/** Censoring a shorter one would garble the line and protect nothing. */
const STRUCK_CHARS_MIN = 8;

/** Values that must not appear in the log. Some are known only once a log is written: they are added then. */
export class StruckValues {
  private readonly texts = new Set<string>();

  constructor(secrets: Iterable<string | null> = []) {
    this.add(secrets);
  }

  add(secrets: Iterable<string | null>): void {
    for (const secret of secrets) {
      if (secret === null || secret.length < STRUCK_CHARS_MIN) continue;
      this.texts.add(JSON.stringify(secret).slice(1, -1));
    }
  }

  strike(line: string): string {
    let clean = line;
    for (const text of this.texts) if (clean.includes(text)) clean = clean.replaceAll(text, '***');
    return clean;
  }
}

export interface LoggerOptions {
  readonly level: string;
  readonly secrets: StruckValues;
  /** stderr unless a test listens. */
  readonly to?: DestinationStream;
}

export function createLogger(options: LoggerOptions): Logger {
  const { secrets } = options;
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: MEMBERS.flatMap((name) => [name, below(name)]), censor: '***' },
      hooks: { streamWrite: (line: string) => secrets.strike(line) },
    },
    options.to ?? destination({ fd: 2, sync: true }),
  );
}

function below(name: string): string {
  return name.startsWith('[') ? `*${name}` : `*.${name}`;
}
