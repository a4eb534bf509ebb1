/** The frame: either the form that asks for the key, or the navigation and one page. */

import "./first.js";
import { getStats } from "./api.js";
import { setCurrency } from "./format.js";
import {
  html,
  lazy,
  orUnreachable,
  render,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "./html.js";
import { ApiError, whenKeyRefused } from "./http.js";
import { useRoute } from "./router.js";
import { adoptKeyFromAddress, forgetAll, forgetKey, getKey } from "./session.js";
import { Navigation } from "./components/navigation.js";
import { clearNotice, Notice } from "./components/notice.js";

const SignIn = lazy(async () => (await import("./components/sign-in.js")).SignIn);
const PAGES = {
  shop: () => import("./pages/shop.js"),
  orders: () => import("./pages/orders.js"),
  order: () => import("./pages/order.js"),
  products: () => import("./pages/products.js"),
  overview: () => import("./pages/overview.js"),
  health: () => import("./pages/health.js"),
};

function App() {
  // `refusal` is why the key that was there is gone; `opening` counts the keys that were accepted.
  const [{ hasKey, refusal, opening }, setDoor] = useState({
    hasKey: getKey() !== null,
    opening: 0,
  });
  const open = useCallback(() => {
    setDoor((door) => ({ hasKey: true, opening: door.opening + 1 }));
  }, []);
  useEffect(() => {
    whenKeyRefused((detail) => {
      forgetKey();
      setDoor((door) => ({ ...door, hasKey: false, refusal: detail }));
    });
    // The address with a key may be opened in a tab that shows a page already.
    const adopt = () => adoptKeyFromAddress() && open();
    addEventListener("hashchange", adopt);
    return () => removeEventListener("hashchange", adopt);
  }, []);
  return html`
    ${hasKey ? html`<${Office} key=${opening} />` : html`<${SignIn} refusal=${refusal} onAccepted=${open} />`}
    <${Notice} />`;
}

function Office() {
  const route = useRoute();
  const main = useRef();
  useCurrency();
  // What was said is about the page that is left.
  useEffect(() => clearNotice, [route]);
  const name = route.page === "orders" && route.id ? "order" : route.page;
  const skip = (event) => {
    event.preventDefault();
    main.current.focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <${Navigation} page=${route.page} onLogOut=${logOut} />
    <main id="main" tabindex="-1" ref=${main}>
      <${Page} name=${Object.hasOwn(PAGES, name) ? name : "shop"} route=${route} key=${route} />
    </main>`;
}

/** Loads the page's module, then shows it; its heading gets the focus unless it is the first. */
function Page({ name, route }) {
  const [Content, setContent] = useState(null);
  const place = useRef();
  useLayoutEffect(() => {
    const loading = PAGES[name]().then((module) => module.default);
    orUnreachable(loading).then((component) => setContent(() => component));
  }, []);
  useLayoutEffect(() => {
    const heading = place.current.querySelector("h1");
    if (!heading) return;
    document.title = `${heading.textContent} · Cornershop`;
    if (Page.isLater) heading.focus();
    Page.isLater = true;
  }, [Content]);
  return html`<div class="page" ref=${place}>${Content && html`<${Content} route=${route} />`}</div>`;
}

/** Amounts are shown without a currency until it is known. */
function useCurrency() {
  const [, redraw] = useState("");
  useEffect(() => {
    getStats(1).then(
      ({ currency }) => {
        setCurrency(currency);
        redraw(currency);
      },
      (error) => {
        if (!(error instanceof ApiError)) throw error;
      },
    );
  }, []);
}

function logOut() {
  forgetAll();
  // What was shown and remembered goes with the page.
  location.reload();
}

render(html`<${App} />`, document.getElementById("app"));
