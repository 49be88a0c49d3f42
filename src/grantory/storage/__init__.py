"""Where everything is kept: the SQL stores, and the memory of hot reads over them."""
