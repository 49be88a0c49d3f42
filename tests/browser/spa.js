// An application without a server of its own, as the SDK's README describes it: the address of
// the page says which grant it uses, and is its redirect URI. CONFIG comes from /config.js.
const platformClient = require("platformClient");
const client = platformClient.ApiClient.instance;
client.setGateway(CONFIG.gateway);

const outcome = document.getElementById("outcome");
const [grant, inWindow] = location.pathname.slice(1).split("-");
const options = { ...CONFIG.options };
if (inWindow) {
  // The popup closes at once, so that a test sees no window that is about to go.
  options.authPopupConfiguration = { usePopup: true, popupTimeout: 60000, autoClosePopupDelay: 0 };
}
const redirectUri = location.origin + (inWindow ? "/window" : location.pathname);
const logins = {
  implicit: () => client.loginImplicitGrant(CONFIG.clientId, redirectUri, options),
  pkce: () => client.loginPKCEGrant(CONFIG.clientId, redirectUri, options),
};

function show(name, found) {
  outcome.textContent = JSON.stringify(found);
  outcome.className = name;
}

async function run() {
  show("waiting", null);
  try {
    const authData = await logins[grant]();
    const me = await new platformClient.UsersApi().getUsersMe();
    show("done", {
      state: authData.state ?? null,
      expires: authData.tokenExpiryTime ?? null,
      me,
      address: location.href,
    });
  } catch (error) {
    show("failed", { message: error.message ?? String(error), code: error.code ?? null });
  }
}

document.getElementById("start").addEventListener("click", run);
document.getElementById("logout").addEventListener("click", () =>
  client.logout(location.origin + "/bye"),
);
// A window opens only where somebody pressed something.
if (!inWindow) run();
