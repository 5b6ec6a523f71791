//! Hostile answers, hostile lists, and the corpus of the fuzz targets. What is tested here is that
//! nothing which comes from outside makes the program panic, swell, or say what is not so.

mod answers;
mod cases;
mod corpus;

mod entries;
mod input;
mod tokens;
