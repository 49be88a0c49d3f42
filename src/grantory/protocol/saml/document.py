"""Reading the document that holds an assertion, before anything in it is believed.

Whatever could make two readers see two things is refused: document types, entities, comments,
processing instructions, encodings other than UTF-8, a second assertion wherever it hides, an id
that comes twice.
"""

from typing import Final, NamedTuple

from lxml import etree

from grantory.protocol.saml.names import ASSERTION, RESPONSE, SIGNATURE, saml
from grantory.protocol.saml.refused import AssertionRefused

Element = etree._Element
MAX_ISSUER: Final = 1_024
MAX_ATTRIBUTES: Final = 100
"""Of one element: to sort and compare thousands takes seconds."""


class Document(NamedTuple):
    """A document with exactly one assertion."""

    root: Element
    assertion: Element
    """The root itself, or a child of the response that is the root."""


def parse(data: bytes) -> Document:
    """Reads a document.

    Args:
        data: XML whose root is an ``Assertion``, or a ``Response`` with one directly below.

    Raises:
        AssertionRefused: for anything else.
    """
    root = parse_element(data)
    tree = root.getroottree()
    if tree.docinfo.doctype:  # type: ignore[attr-defined] # the stubs do not know it
        raise AssertionRefused("it has a document type")
    if root.getprevious() is not None or root.getnext() is not None:
        raise AssertionRefused("it has comments or processing instructions")
    return inspect(root)


def parse_element(data: bytes) -> Element:
    """Reads XML in UTF-8, whatever it says to be in, and resolves, loads and fetches nothing.

    Raises:
        AssertionRefused: when it is malformed, or has a document type.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise AssertionRefused("it has a document type")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        collect_ids=False,
    )
    try:
        data.decode("utf-8")
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, UnicodeDecodeError, ValueError):
        raise AssertionRefused("it is no well-formed XML in UTF-8") from None


def inspect(root: Element) -> Document:
    """Looks at every node, and finds the assertion.

    Raises:
        AssertionRefused: when the document holds what no document may hold.
    """
    ids: set[str] = set()
    assertions = 0
    for node in root.iter():
        if not isinstance(node.tag, str):
            raise AssertionRefused("it has comments, entities or processing instructions")
        name = etree.QName(node).localname
        assertions += name == "Assertion"
        if name.startswith("Encrypted"):
            raise AssertionRefused("it is encrypted")
        if len(node.attrib) > MAX_ATTRIBUTES:
            raise AssertionRefused("an element has too many attributes")
        for attribute, value in node.attrib.items():
            if etree.QName(attribute).localname.lower() == "id":
                if str(value) in ids:
                    raise AssertionRefused("an ID comes twice")
                ids.add(str(value))
    if root.tag not in (ASSERTION, RESPONSE):
        raise AssertionRefused("the root is neither Response nor Assertion of SAML 2.0")
    found = [root] if root.tag == ASSERTION else root.findall(ASSERTION)
    if assertions != 1 or len(found) != 1:
        raise AssertionRefused("it does not hold exactly one Assertion")
    return Document(root, found[0])


def signed_part(document: Document) -> Element:
    """Finds the element whose signature decides: the assertion, or else the response around it.

    Raises:
        AssertionRefused: where none is signed, or a signature stands where none may be.
    """
    holders = (document.assertion, document.root)
    if any(each.getparent() not in holders for each in document.root.iter(SIGNATURE)):
        raise AssertionRefused("a Signature stands where none may stand")
    for holder in holders:
        count = len(holder.findall(SIGNATURE))
        if count > 1:
            raise AssertionRefused("an element has two signatures")
        if count:
            return holder
    raise AssertionRefused("it is not signed")


def issuer_of(assertion: Element) -> str:
    """Returns who says to have issued an assertion.

    Raises:
        AssertionRefused: for no issuer, more than one, or a long one.
    """
    issuer = text_of(only_child(assertion, "Issuer"), "Issuer")
    if len(issuer) > MAX_ISSUER:
        raise AssertionRefused("the Issuer is too long")
    return issuer


def only_child(parent: Element, name: str) -> Element:
    """Returns the one child of a name.

    Raises:
        AssertionRefused: where there is none or more than one.
    """
    found = parent.findall(saml(name))
    if len(found) != 1:
        raise AssertionRefused(f"there is not exactly one {name}")
    return found[0]


def text_of(element: Element, name: str) -> str:
    """Returns an element's whole text without blanks around it.

    Raises:
        AssertionRefused: where it is empty, or anything but text.
    """
    text = (element.text or "").strip()
    if len(element) or not text:
        raise AssertionRefused(f"{name} is empty or not plain text")
    return text
