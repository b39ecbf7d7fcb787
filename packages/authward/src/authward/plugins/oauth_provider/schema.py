"""The tables, in the original's formats."""

from authward.schema.fields import DBField, DBIndex, DBTable, Reference

_TEXT = DBField(type="string", required=False)
_TEXTS = DBField(type="string[]", required=False)
_FLAG = DBField(type="boolean", required=False)
_OFF = DBField(type="boolean", required=False, default_value=False)
_TIME = DBField(type="date", required=False)
_JSON = DBField(type="json", required=False)
_NUMBER = DBField(type="number", required=False)
_UNIQUE = DBField(type="string", unique=True)
_NEEDED_TIME = DBField(type="date")
_NEEDED_TEXTS = DBField(type="string[]")
_USER = DBField(type="string", required=False, index=True, references=Reference("user"))
_NEEDED_USER = DBField(type="string", index=True, references=Reference("user"))
_CLIENT = DBField(type="string", index=True, references=Reference("oauthClient", "clientId"))
_RESOURCE = DBField(type="string", index=True, references=Reference("oauthResource", "identifier"))
_SESSION = DBField(
    type="string", required=False, index=True, references=Reference("session", on_delete="set null")
)
_CODE = DBField(type="string", required=False, index=True)

CLIENT = DBTable(
    fields={
        "clientId": _UNIQUE,
        "clientSecret": _TEXT,
        "clientDiscoveryId": _TEXT,
        "disabled": _OFF,
        "skipConsent": _FLAG,
        "enableEndSession": _FLAG,
        "subjectType": _TEXT,
        "scopes": _TEXTS,
        "clientCredentialsScopes": _TEXTS,
        "userId": _USER,
        "createdAt": _TIME,
        "updatedAt": _TIME,
        "name": _TEXT,
        "uri": _TEXT,
        "icon": _TEXT,
        "contacts": _TEXTS,
        "tos": _TEXT,
        "policy": _TEXT,
        "softwareId": _TEXT,
        "softwareVersion": _TEXT,
        "softwareStatement": _TEXT,
        "redirectUris": _NEEDED_TEXTS,
        "postLogoutRedirectUris": _TEXTS,
        "backchannelLogoutUri": _TEXT,
        "backchannelLogoutSessionRequired": _FLAG,
        "tokenEndpointAuthMethod": _TEXT,
        "applicationType": _TEXT,
        "jwks": _TEXT,
        "jwksUri": _TEXT,
        "grantTypes": _TEXTS,
        "responseTypes": _TEXTS,
        "requirePKCE": _FLAG,
        "dpopBoundAccessTokens": _OFF,
        "referenceId": _TEXT,
        "metadata": _JSON,
    }
)
RESOURCE = DBTable(
    fields={
        "identifier": _UNIQUE,
        "name": DBField(type="string"),
        "accessTokenTtl": _NUMBER,
        "refreshTokenTtl": _NUMBER,
        "signingAlgorithm": _TEXT,
        "signingKeyId": _TEXT,
        "allowedScopes": _TEXTS,
        "customClaims": _JSON,
        "dpopBoundAccessTokensRequired": _OFF,
        "disabled": _OFF,
        "createdAt": _TIME,
        "updatedAt": _TIME,
        "policyVersion": DBField(type="number", required=False, default_value=1),
        "metadata": _JSON,
    }
)
CLIENT_RESOURCE = DBTable(
    fields={"clientId": _CLIENT, "resourceId": _RESOURCE, "metadata": _JSON, "createdAt": _TIME},
    indexes=(DBIndex(fields=("clientId", "resourceId"), unique=True),),
)
REFRESH_TOKEN = DBTable(
    fields={
        "token": _UNIQUE,
        "clientId": _CLIENT,
        "sessionId": _SESSION,
        "userId": _NEEDED_USER,
        "referenceId": _TEXT,
        "authorizationCodeId": _CODE,
        "resources": _TEXTS,
        "requestedUserInfoClaims": _TEXTS,
        "expiresAt": _NEEDED_TIME,
        "createdAt": _NEEDED_TIME,
        "revoked": _TIME,
        "rotatedAt": _TIME,
        "rotationReplayResponse": _TEXT,
        "rotationReplayExpiresAt": _TIME,
        "authTime": _TIME,
        "confirmation": _JSON,
        "scopes": _NEEDED_TEXTS,
    }
)
ACCESS_TOKEN = DBTable(
    fields={
        "token": _UNIQUE,
        "clientId": _CLIENT,
        "sessionId": _SESSION,
        "userId": _USER,
        "referenceId": _TEXT,
        "authorizationCodeId": _CODE,
        "resources": _TEXTS,
        "requestedUserInfoClaims": _TEXTS,
        "refreshId": DBField(
            type="string", required=False, index=True, references=Reference("oauthRefreshToken")
        ),
        "expiresAt": _NEEDED_TIME,
        "createdAt": _NEEDED_TIME,
        "revoked": _TIME,
        "confirmation": _JSON,
        "scopes": _NEEDED_TEXTS,
    }
)
CONSENT = DBTable(
    fields={
        "clientId": _CLIENT,
        "userId": _USER,
        "referenceId": _TEXT,
        "resources": _TEXTS,
        "requestedUserInfoClaims": _TEXTS,
        "scopes": _NEEDED_TEXTS,
        "createdAt": _NEEDED_TIME,
        "updatedAt": _NEEDED_TIME,
    }
)
CLIENT_ASSERTION = DBTable(fields={"expiresAt": _NEEDED_TIME})

TABLES = {
    "oauthClient": CLIENT,
    "oauthResource": RESOURCE,
    "oauthClientResource": CLIENT_RESOURCE,
    "oauthRefreshToken": REFRESH_TOKEN,
    "oauthAccessToken": ACCESS_TOKEN,
    "oauthConsent": CONSENT,
    "oauthClientAssertion": CLIENT_ASSERTION,
}
