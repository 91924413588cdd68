package sqlite

import "database/sql"

// DB is the store's own database handle, to see how its connection is set.
func (s *Store) DB() *sql.DB { return s.db }
