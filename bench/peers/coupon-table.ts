/** The classic design's rows: column by column Doorbuster's, with the one index that a wallet needs. */

import { parseRecord } from './claim-script.ts';
import { couponCode, couponId, validUntilMs } from './coupon.ts';

export const CREATE_COUPONS = `
  CREATE TABLE IF NOT EXISTS coupons (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    template_id INT NOT NULL,
    activity_id INT NOT NULL,
    code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    claimed_at BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    state TINYINT NOT NULL DEFAULT 0,
    KEY coupons_user (user_id, claimed_at)
  ) ENGINE=InnoDB`;

/**
 * One statement for a batch of queued records; a record that was stored before changes nothing. Every value is digits
 * by the time it is queued, so the text is built without escaping, which would cost more than all the rest.
 */
export function insertCoupons(records: readonly string[]): string {
  let values = '';
  for (const record of records) {
    const { templateId, serial, userId, claimedAtMs } = parseRecord(record);
    const row = `(${couponId(templateId, serial)},${userId},${templateId},0,'${couponCode(serial)}',${claimedAtMs},${claimedAtMs},${validUntilMs(claimedAtMs)})`;
    values += values === '' ? row : `,${row}`;
  }
  return `INSERT INTO coupons (id,user_id,template_id,activity_id,code,claimed_at,valid_from,valid_until) VALUES ${values} ON DUPLICATE KEY UPDATE id=id`;
}
