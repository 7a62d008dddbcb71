//! The figures of all rounds, and the table made of them.

use crate::ROUNDS;

/// One row: a path, and for each column its figure in every round.
pub struct Row {
    pub name: String,
    /// By column, then by round.
    pub figures: Vec<Vec<f64>>,
}

impl Row {
    pub fn new(name: &str, columns: usize) -> Self {
        Self { name: name.to_owned(), figures: vec![Vec::with_capacity(ROUNDS); columns] }
    }
}

/// Prints the rows; each figure with its ratio to the first row's of the same round.
pub fn print(title: &str, columns: &[&str], rows: &[Row]) {
    println!("\n{title}: medians of {ROUNDS} interleaved rounds, ratio to the first row\n");
    print!("  {:<34}", "");
    for column in columns {
        print!("{column:>22}");
    }
    println!();
    let Some(base) = rows.first() else { return };
    for row in rows {
        print!("  {:<34}", row.name);
        for (own, first) in row.figures.iter().zip(&base.figures) {
            let ratios = own.iter().zip(first).map(|(own, first)| own / first).collect();
            print!("{:>14.2} ({:.2})", median(own.clone()), median(ratios));
        }
        println!();
    }
}

/// The figure in the middle.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_odd_number_is_the_one_in_the_middle() {
        assert_eq!(median(vec![5.0, 1.0, 3.0]), 3.0);
        assert!(median(vec![]).is_nan());
    }
}
