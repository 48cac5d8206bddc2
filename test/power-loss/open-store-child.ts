import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { sqliteOperations } from '@outrider/control-plane/store/sqlite/operations.ts';

/** `node open-store-child.ts PATH`: opens or makes a store, writes one setting, and closes it. */
const [, , path = ''] = process.argv;
const database = openDatabase(path);
sqliteOperations(database).setSetting('a', 'b');
closeDatabase(database);
