//! What a type becomes, for reviewers to see it grow.

use quote::quote;

use super::derive;
use crate::snapshot;

#[test]
fn every_role() {
    snapshot::compare(
        "component_every_role",
        derive(quote! {
            /// Everything billing needs.
            #[health(name = "billing", group = "payments", check, timeout = "1s")]
            struct Billing {
                /// The ledger answers.
                #[health(check = ping_ledger, timeout = "2s")]
                ledger: PgPool,
                #[health(check = clients::reach, blocking = true)]
                bank: Client,
                #[health(check = clients::look, blocking = false)]
                cache: Client,
                #[health(check, critical = false, idle = "30s", failure_threshold = 3)]
                invoices: InvoiceQueue,
                #[health(component)]
                archive: Option<Box<Self>>,
                #[health(each, critical = false)]
                shards: BTreeMap<String, Shard>,
                retries: u32,
            }
        }),
    );
}

#[test]
fn generic() {
    snapshot::compare(
        "component_generic",
        derive(quote! {
            struct Mirrored<T, C, M, const N: usize> where T: Clone {
                #[health(check)]
                one: Arc<T>,
                #[health(component)]
                two: Option<C>,
                #[health(each, critical = true)]
                three: M,
                rest: [u8; N],
            }
        }),
    );
}

#[test]
fn a_mistake_leaves_an_empty_component() {
    snapshot::compare(
        "component_with_mistakes",
        derive(quote! {
            struct Storage {
                #[health(chek)]
                primary: Queue,
            }
        }),
    );
}
