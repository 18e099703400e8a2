UPDATE clients
SET client_id = incoming.client_id,
    number_sealed = incoming.number_sealed,
    registration_sealed = incoming.registration_sealed,
    registration_digest = incoming.registration_digest,
    updated_at = now()
FROM incoming_clients AS incoming
WHERE clients.number_hash = incoming.number_hash
  AND clients.registration_digest <> incoming.registration_digest
