//! What the attribute accepts as a name `build()` accepts too, and the other way round. The same table is a unit test
//! of the macros.

use health_core::{Health, Spec};

#[test]
fn build_agrees_with_the_table_of_the_macros() {
    let mut judged = 0;
    for line in include_str!("../health-macros/names.txt").lines().filter(|line| !line.starts_with('#')) {
        let (verdict, name) = line.split_once(' ').expect("a verdict and a name");
        let built = Health::builder().check_fn(Spec::named(name), || async {}).build();
        assert_eq!(built.is_ok(), verdict == "yes", "{name:?}");
        judged += 1;
    }
    assert!(judged > 20, "the table is not read");
}
