package sqlpms

// Stored is a column's text as it is stored, with the blanks by which it may be
// padded: for what is stored again elsewhere and compared there, such as a foreign
// key. NULL is the empty text.
func (r *Row) Stored(column string) string {
	switch v := r.value(column).(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return decode(v)
	}
	return r.Text(column)
}
