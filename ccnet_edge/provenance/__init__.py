"""Where a bundle comes from: bill of materials, model card, provenance, licences."""

from ccnet_edge.provenance.documents import DOCUMENTS, bundle_documents
from ccnet_edge.provenance.statement import Invocation, build_invocation

__all__ = ["DOCUMENTS", "Invocation", "build_invocation", "bundle_documents"]
