//! `photo://localhost/<id>?size=thumb`: a picture by its id. No path crosses the border, so no path can leave it.

use clara_app::App;
use clara_domain::PhotoId;
use tauri::http::{Request, Response, StatusCode, header};
use tauri::{Manager, Runtime, UriSchemeContext, UriSchemeResponder};

pub(crate) fn answer<R: Runtime>(
    context: UriSchemeContext<'_, R>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    let app = context.app_handle().state::<App>().inner().clone();
    // A large picture is read from the disk and its hash compared: not on the thread that draws the window.
    tauri::async_runtime::spawn_blocking(move || {
        let picture = asked(&request).and_then(|(id, thumb)| app.photo_bytes(id, thumb).ok());
        responder.respond(respond(picture));
    });
}

fn asked(request: &Request<Vec<u8>>) -> Option<(PhotoId, bool)> {
    let id = request.uri().path().strip_prefix('/')?.parse::<uuid::Uuid>().ok()?;
    let thumb = match request.uri().query() {
        Some("size=thumb") => true,
        None | Some("size=full") => false,
        Some(_) => return None,
    };
    Some((PhotoId::from(id), thumb))
}

fn respond(picture: Option<(String, Vec<u8>)>) -> Response<Vec<u8>> {
    let (status, kind, body) = match picture.and_then(|(mime, bytes)| Some((kind(&mime)?, bytes))) {
        Some((kind, bytes)) => (StatusCode::OK, kind, bytes),
        None => (StatusCode::NOT_FOUND, "text/plain", Vec::new()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        // What the mirror keeps encrypted must not lie in a cache in the clear.
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}

/// The kinds of picture the app keeps; nothing else is shown, whatever a row may say.
fn kind(mime: &str) -> Option<&'static str> {
    ["image/jpeg", "image/png", "image/webp"].into_iter().find(|kind| *kind == mime)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_picture_is_asked_for_by_its_id_and_in_no_other_way() {
        let id = "0190d8a2-0000-7000-8000-000000000000";
        let ask = |rest: &str| asked(&Request::builder().uri(format!("photo://localhost{rest}")).body(vec![]).unwrap());
        assert_eq!(ask(&format!("/{id}")).unwrap().0.uuid().to_string(), id);
        assert!(ask(&format!("/{id}?size=thumb")).unwrap().1);
        assert!(!ask(&format!("/{id}?size=full")).unwrap().1);
        for wrong in ["", "/", "/x", "//etc/passwd", "/../etc/passwd"] {
            assert!(ask(wrong).is_none(), "{wrong}");
        }
        for wrong in ["/..", "/x.jpg", "?size=huge", "?size=thumb&path=/etc/passwd"] {
            assert!(ask(&format!("/{id}{wrong}")).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_picture_is_not_found_rather_than_guessed() {
        let page = respond(Some(("text/html".into(), b"<script>".to_vec())));
        assert_eq!((page.status(), page.body().len()), (StatusCode::NOT_FOUND, 0));
        let picture = respond(Some(("image/jpeg".into(), vec![1])));
        assert_eq!(picture.status(), StatusCode::OK);
        assert_eq!(picture.headers()["content-type"], "image/jpeg");
        assert_eq!(picture.headers()["x-content-type-options"], "nosniff");
    }
}
