"""The dialect of SMSC over HTTP: `/sys/send.php` and its neighbours."""
