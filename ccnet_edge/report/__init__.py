"""What a build found, for people: a text summary and one self-contained page."""

from ccnet_edge.report.hops import describe_hops
from ccnet_edge.report.html import write_report
from ccnet_edge.report.pictures import example_picture
from ccnet_edge.report.summary import describe_build

__all__ = ["describe_build", "describe_hops", "example_picture", "write_report"]
