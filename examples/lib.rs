//! The programs are the examples; there is nothing here.
