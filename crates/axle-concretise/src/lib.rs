//! The solver, its explanations and the cells.
