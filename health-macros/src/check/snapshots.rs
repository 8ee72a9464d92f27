//! What a function becomes, for reviewers to see it grow.

use quote::quote;

use super::attribute;
use crate::snapshot;

#[test]
fn simple() {
    snapshot::compare(
        "check_simple",
        attribute(
            quote!(),
            quote! {
                async fn database() -> Result<(), Error> {
                    todo!()
                }
            },
        ),
    );
}

#[test]
fn every_key_and_three_parameters() {
    snapshot::compare(
        "check_three_parameters",
        attribute(
            quote! {
                name = "storage/db", probe = ["live", "ready"], timeout = "1m 30s", critical = true, scope = "local",
                group = "storage", depends_on = ["network", "disk"], interval = "5s", cache = LIMIT, max_age = "10m",
                failure_threshold = 3, success_threshold = 2, backoff = "2m", enabled = false,
                crate = ::framework::health_core
            },
            quote! {
                /// The primary database answers.
                    #[expect(deprecated)]
                pub(crate) async fn database<'a>(pool: &'a PgPool, queue: &dyn Queue, _: &str) -> Result<(), Refused<'a>> {
                    todo!()
                }
            },
        ),
    );
}

#[test]
fn blocking() {
    snapshot::compare(
        "check_blocking",
        attribute(
            quote!(blocking = true, timeout = LIMIT),
            quote! {
                fn r#type(folder: &Path) -> io::Result<()> {
                    todo!()
                }
            },
        ),
    );
}

#[test]
fn in_place() {
    snapshot::compare(
        "check_in_place",
        attribute(
            quote!(blocking = false, probe = "none", interval = "never"),
            quote! {
                fn depth(queue: &Queue) -> Status {
                    todo!()
                }
            },
        ),
    );
}

#[test]
fn a_mistake_leaves_the_function() {
    snapshot::compare(
        "check_with_mistakes",
        attribute(
            quote!(timout = "2s", critical = 1),
            quote! {
                async fn database(pool: &PgPool) {}
            },
        ),
    );
}
