//! What a person would see of the page: pictures at two sizes, whether there is anything at all, and
//! whether a phone would have to scroll sideways.
//!
//! Both sizes are seen in one page, resized as a window is: style sheets and resize handlers answer to
//! that, and it costs no second loading. What a script decides once, while loading, it decides as on a
//! desktop.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::emulation::SetDeviceMetricsOverrideParams;
use chromiumoxide::cdp::browser_protocol::page::{CaptureScreenshotFormat, CaptureScreenshotParams};
use serde::Deserialize;
use tokio::time::timeout;

use super::evaluate::tell;

/// A small laptop's, in CSS pixels. Checks are evaluated at this size.
pub(crate) const DESKTOP: (u32, u32) = (1280, 800);

/// A phone's, in CSS pixels.
pub(crate) const PHONE: (u32, u32) = (390, 844);

/// What a picture may take.
const PICTURE_TIMEOUT: Duration = Duration::from_secs(3);

/// What one of our own questions may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether anything can be seen: text, or something with a size that is not made of text.
const VISIBLE: &str = "(() => {
  if (!document.body) return JSON.stringify(false);
  const shows = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) && e.getClientRects().length > 0;
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = 0; n < 20000 && words.nextNode(); n++)
    if (words.currentNode.data.trim() && shows(words.currentNode.parentElement)) return JSON.stringify(true);
  const things = 'img,svg,canvas,video,audio[controls],iframe,object,embed,input:not([type=hidden]),button,select,textarea,meter,progress,hr';
  const sized = e => { const box = e.getBoundingClientRect(); return box.width > 1 && box.height > 1 && shows(e); };
  if ([...document.querySelectorAll(things)].slice(0, 2000).some(sized)) return JSON.stringify(true);
  // Shadow trees and painted boxes show in no text.
  const painted = e => { const s = getComputedStyle(e); return e.shadowRoot || s.backgroundImage !== 'none' || (s.borderStyle !== 'none' && parseFloat(s.borderWidth) > 0) || !/^(transparent|rgba\\(.*, 0\\))$/.test(s.backgroundColor); };
  return JSON.stringify([...document.body.querySelectorAll('*')].slice(0, 2000).some(e => sized(e) && painted(e)));
})()";

/// How wide the page is, and the outermost thing that makes it so. Asked two frames after the resize,
/// or sooner where the page draws none.
const WIDTH: &str = "new Promise(done => {
  requestAnimationFrame(() => requestAnimationFrame(done));
  setTimeout(done, 500);
}).then(() => {
  const root = document.documentElement, clips = e => e && /hidden|clip/.test(getComputedStyle(e).overflowX);
  if (clips(root) || clips(document.body)) return JSON.stringify({width: 0, widest: ''});
  const wide = [...document.querySelectorAll('body *')].slice(0, 5000).find(e => e.getBoundingClientRect().right > PHONE_WIDTH + 1);
  const name = wide ? wide.tagName.toLowerCase() + (wide.id ? '#' + wide.id : '') : '';
  return JSON.stringify({width: root.scrollWidth, widest: name.slice(0, 80)});
})";

/// What was seen. What could not be looked at is absent.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sight {
    /// PNG at [`DESKTOP`] size.
    pub desktop: Option<Bytes>,
    /// PNG at [`PHONE`] size.
    pub phone: Option<Bytes>,
    /// Nothing can be seen.
    pub blank: bool,
    /// The page is wider than a phone.
    pub overflow: Option<Overflow>,
}

/// A page that is wider than a phone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Overflow {
    /// In CSS pixels.
    pub width: u32,
    /// Tag and id of the first element that reaches over the edge; empty when none does.
    pub widest: String,
}

/// Looks at the page, which is at [`DESKTOP`] size and is left at [`PHONE`] size.
pub(super) async fn look(page: &Page) -> Sight {
    let visible: Option<bool> = tell(page, VISIBLE, QUESTION_TIMEOUT).await;
    let desktop = picture(page).await;
    let phone = SetDeviceMetricsOverrideParams::new(PHONE.0, PHONE.1, 1.0, true);
    if !matches!(timeout(QUESTION_TIMEOUT, page.execute(phone)).await, Ok(Ok(_))) {
        return Sight { desktop, blank: visible == Some(false), ..Sight::default() };
    }
    let asked = WIDTH.replace("PHONE_WIDTH", &PHONE.0.to_string());
    let overflow: Option<Overflow> = tell(page, &asked, QUESTION_TIMEOUT).await;
    Sight {
        desktop,
        phone: picture(page).await,
        blank: visible == Some(false),
        // A pixel may be lost in rounding.
        overflow: overflow.filter(|overflow| overflow.width > PHONE.0 + 1),
    }
}

async fn picture(page: &Page) -> Option<Bytes> {
    let params = CaptureScreenshotParams::builder().format(CaptureScreenshotFormat::Png).optimize_for_speed(true);
    let answer = timeout(PICTURE_TIMEOUT, page.execute(params.build())).await.ok()?.ok()?;
    BASE64.decode(AsRef::<[u8]>::as_ref(&answer.result.data)).ok().map(Bytes::from)
}
