//! Strikes every fault point of the chain with every fault, and counts who survives.
