/** The values this process knows that must not be read in its log. */
import type { Config } from '../config.ts';
import type { Secrets } from '../datadir/secrets.ts';

type SecretConfig = Pick<
  Config,
  'redisUrl' | 'mysqlUrl' | 'jwksUrl' | 'gatewayKey' | 'jwtSecret' | 'adminToken' | 'codeKey'
>;

export function configuredSecrets(config: SecretConfig): (string | null)[] {
  const { redisUrl, mysqlUrl, jwksUrl, gatewayKey, jwtSecret, adminToken, codeKey } = config;
  return [gatewayKey, jwtSecret, adminToken, codeKey, ...[redisUrl, mysqlUrl, jwksUrl].flatMap(passwordsOf)];
}

export function madeSecrets({ adminToken, codeKey }: Secrets): string[] {
  return [adminToken, codeKey.toString('hex'), codeKey.toString('base64')];
}

/** As it stands in the URL, and as it is sent: messages show the one or the other. */
function passwordsOf(url: string | null): string[] {
  const match = url === null ? null : /^[^/]*\/\/[^:@/]*:(.*)@[^@]*$/.exec(url);
  if (match === null) return [];
  const password = match[1];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    // No percent encoding: it is sent as it stands.
    return [password];
  }
}
