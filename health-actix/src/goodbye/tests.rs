use actix_web::{App, HttpResponse, test, web};
use health_core::Health;

use super::{Endless, goodbye};

/// Nobody waits for the end of what has none.
#[actix_web::test]
async fn a_stream_that_goes_on_until_somebody_ends_it_is_not_under_way() {
    let health = Health::builder().build().unwrap().start();
    let under_way = || health.under_way().iter().map(|(_, under_way)| under_way).sum::<u64>();
    let answer = |is_endless| async move {
        let mut answer = HttpResponse::Ok().body("first");
        if is_endless {
            answer.extensions_mut().insert(Endless);
        }
        answer
    };
    let app = App::new()
        .route("/ends", web::to(move || answer(false)))
        .route("/endless", web::to(move || answer(true)))
        .wrap(goodbye(&health));
    let app = test::init_service(app).await;
    for (path, expected) in [("/ends", 1), ("/endless", 0)] {
        let answer = test::call_service(&app, test::TestRequest::with_uri(path).to_request()).await;
        assert_eq!(under_way(), expected, "{path}");
        assert_eq!(test::read_body(answer).await, "first");
        assert_eq!(under_way(), 0);
    }
}
