SELECT to_regclass('_yoyo_migration') IS NOT NULL
