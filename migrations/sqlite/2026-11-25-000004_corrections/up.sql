-- Corrections (028, 029): a second way of changing an amount. The new payment is of the old one's attempt and trading_id.
ALTER TABLE changes ADD COLUMN way VARCHAR(16) NOT NULL DEFAULT 'new_payment'; -- correction or new_payment

ALTER TABLE payments ADD COLUMN authenticated      BOOLEAN NOT NULL DEFAULT 0; -- by 3-D Secure, whoever bears chargebacks
ALTER TABLE payments ADD COLUMN correction_refused VARCHAR(32);                -- the gateway's code, where it corrects this payment not
UPDATE payments SET authenticated = 1
  WHERE three_ds OR attempt_id IN (SELECT attempt_id FROM attempts WHERE three_ds OR auth_id IS NOT NULL);
