//! Zeroed memory, and its release from the front.

use super::*;

#[test]
fn memory_is_zero_writable_and_aligned() {
    for pages in [Pages::Small, Pages::Transparent] {
        let mut map = AnonMap::new(1, pages).unwrap();
        assert_eq!((map.len(), map.pages()), (HUGE_PAGE_BYTES, pages));
        assert_eq!(map.addresses().start % HUGE_PAGE_BYTES, 0);
        assert!(map.as_slice().iter().all(|&b| b == 0));
        map.as_mut_slice().fill(7);
        assert!(map.as_slice().iter().all(|&b| b == 7));
        map.unmap().unwrap();
    }
}

#[test]
fn no_bytes_and_too_many_are_refused() {
    assert_eq!(AnonMap::new(0, Pages::Small).unwrap_err(), Errno::INVAL);
    for pages in [Pages::Small, Pages::Explicit] {
        assert_eq!(AnonMap::new(usize::MAX, pages).unwrap_err(), Errno::NOMEM);
        assert_eq!(AnonMap::new(usize::MAX / 2, pages).unwrap_err(), Errno::NOMEM);
    }
}

#[test]
fn what_is_released_from_the_front_is_gone_and_the_rest_stays() {
    let mut map = AnonMap::new(3 * HUGE_PAGE_BYTES, Pages::Small).unwrap();
    map.as_mut_slice()[HUGE_PAGE_BYTES] = 9;
    let before = map.addresses();
    assert_eq!(map.release_front(HUGE_PAGE_BYTES - 1).unwrap(), 0);
    assert_eq!(map.release_front(HUGE_PAGE_BYTES + 1).unwrap(), HUGE_PAGE_BYTES);
    assert_eq!(map.addresses(), before.start + HUGE_PAGE_BYTES..before.end);
    assert_eq!(map.as_slice()[0], 9);
    assert_eq!(map.release_front(usize::MAX).unwrap(), 2 * HUGE_PAGE_BYTES);
    assert!(map.is_empty() && map.as_slice().is_empty());
    map.unmap().unwrap();
}
