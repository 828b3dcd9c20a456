ALTER TABLE payments DROP COLUMN correction_refused;
ALTER TABLE payments DROP COLUMN authenticated;
ALTER TABLE changes DROP COLUMN way;
