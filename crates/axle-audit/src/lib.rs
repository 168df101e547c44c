//! A wheel in, a report of facts out.
