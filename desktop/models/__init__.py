"""What tables show: Qt item models over columns and records. Nothing is made for a cell until somebody looks at it."""
