//! The derive in every form that a struct may have: generics, constants, recursion, pointers around its fields.

#![deny(warnings)]
#![allow(dead_code, unused_variables, reason = "most of it is never read")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::sync::Arc;

use health_core::{Failure, Health, HealthCheck, HealthComponent, Outcome, Probe, Quorum, Status};

#[derive(Clone, Copy)]
struct Fine;

impl HealthCheck for Fine {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

/// Contains itself, and everything else.
#[derive(HealthComponent)]
#[health(name = "odd", check)]
struct Odd<const N: usize, T = u8>
where
    T: Display,
{
    #[health(check)]
    r#type: Fine,
    #[health(component)]
    next: Option<Box<Odd<N, T>>>,
    #[health(check = ask::<T>)]
    anything: T,
    #[health(check = Self::ask, blocking = false)]
    arrays: [T; N],
    #[health(check = str::len_is_even, blocking = false)]
    text: String,
    #[health(each, critical = false)]
    by_name: HashMap<&'static str, Arc<Fine>>,
}

trait LenIsEven {
    fn len_is_even(&self) -> Status;
}

impl LenIsEven for str {
    fn len_is_even(&self) -> Status {
        if self.len().is_multiple_of(2) { Status::Healthy } else { Status::Degraded }
    }
}

async fn ask<T: Display>(anything: &T) -> Result<(), String> {
    if anything.to_string().is_empty() { Err("empty".into()) } else { Ok(()) }
}

impl<const N: usize, T: Display> Odd<N, T> {
    fn ask(arrays: &[T; N]) {}
}

impl<const N: usize, T: Display + Send + Sync> HealthCheck for Odd<N, T> {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::degraded("odd"))
    }
}

#[derive(HealthComponent)]
struct Generic<C, K, M, N> {
    #[health(component)]
    component: Option<Arc<C>>,
    #[health(check)]
    check: Box<K>,
    #[health(each, critical = true)]
    many: BTreeMap<String, M>,
    #[health(each, group = "all")]
    named: N,
}

fn odd(next: Option<Odd<2>>) -> Odd<2> {
    let by_name = HashMap::from([("a", Arc::new(Fine))]);
    Odd { r#type: Fine, next: next.map(Box::new), anything: 5, arrays: [1, 2], text: "odd".into(), by_name }
}

#[tokio::test]
async fn components_of_every_kind() {
    let generic = Generic {
        component: Some(Arc::new(odd(None))),
        check: Box::new(Fine),
        many: BTreeMap::from([("x".to_owned(), Fine)]),
        named: BTreeMap::from([("y".to_owned(), Fine)]),
    };
    let builder = Health::builder().component(odd(Some(odd(None)))).component(generic);
    let health = builder.group("all", Quorum::at_least(1)).build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    let mut names: Vec<_> = report.entries().iter().map(|entry| entry.name().to_owned()).collect();
    names.sort_unstable();
    let expected = "generic/check generic/component generic/component/anything generic/component/arrays \
        generic/component/by_name/a generic/component/text generic/component/type generic/many/x generic/named/y \
        odd odd/anything odd/arrays odd/by_name/a odd/next odd/next/anything odd/next/arrays odd/next/by_name/a \
        odd/next/text odd/next/type odd/text odd/type";
    assert_eq!(names.join(" "), expected);
    assert_eq!(report.status(), Status::Degraded);
}
