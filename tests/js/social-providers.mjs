// What the original's social providers do for given inputs: reads cases as JSON from the standard
// input, and prints what each sends and what it makes of the answers. The network is a table of
// answers by URL, so that every request names its endpoint.
import { socialProviders } from '@better-auth/core/social-providers'

const text = await new Response(process.stdin).text()

function normalised(url) {
  const parsed = new URL(url)
  parsed.search = parsed.searchParams.toString()
  return parsed.origin + decodeURIComponent(parsed.pathname) + parsed.search
}

async function run({ provider: name, options, request, endpoints, answers, tokens }) {
  const requests = []
  globalThis.fetch = async (input, init) => {
    const sent = new Request(input, init)
    const known = Object.entries(endpoints).filter(([, url]) =>
      normalised(sent.url).startsWith(normalised(url)),
    )
    const [endpoint] = known.sort((a, b) => b[1].length - a[1].length)[0] ?? [sent.url]
    requests.push({
      endpoint,
      method: sent.method,
      query: new URL(sent.url).search,
      authorization: sent.headers.get('authorization'),
      version: sent.headers.get('notion-version'),
      body: await sent.text(),
    })
    const found = answers[endpoint]
    return found === undefined
      ? new Response('{}', { status: 404 })
      : new Response(JSON.stringify(found), { headers: { 'content-type': 'application/json' } })
  }
  const provider = socialProviders[name](options)
  const url = await provider.createAuthorizationURL(request)
  const exchanged = await provider.validateAuthorizationCode({
    code: 'the-code',
    codeVerifier: request.codeVerifier,
    redirectURI: request.redirectURI,
    deviceId: 'the-device',
  })
  const given = { ...exchanged, ...tokens }
  const info = await provider.getUserInfo(given)
  const subject = info && provider.accountSubject({ tokens: given, profile: info.data })
  const signedIn = requests.splice(0)
  const refreshed = await provider.refreshAccessToken?.('the-refresh-token').then(
    ({ accessToken, refreshToken, scopes }) => ({ accessToken, refreshToken, scopes }),
  )
  return {
    url: url.href,
    requests: signedIn,
    user: info?.user ?? null,
    data: info?.data ?? null,
    subject: subject ?? null,
    refreshes: requests,
    refreshed: refreshed ?? null,
  }
}

const results = []
for (const each of JSON.parse(text)) results.push(await run(each))
console.log(JSON.stringify({ known: Object.keys(socialProviders), results }))
