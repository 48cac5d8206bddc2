"""Writes src/validation/generated/*.json from AWS's published service models (the PyPI package botocore, Apache-2.0).

Only what validation and serialization need is taken: names, types, required members, enumerations, limits and
patterns of the operations listed here. No documentation text. The version used is recorded in each file.

    pip install botocore==1.44.5 && python3 simulator/scripts/generate-models.py
"""

import gzip
import json
import pathlib

import botocore

OPERATIONS = {
    ("ecs", "2014-11-13"): """CreateCluster DeleteCluster DescribeClusters ListClusters RegisterTaskDefinition
        DeregisterTaskDefinition DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies CreateService
        UpdateService DeleteService DescribeServices ListServices ListTasks DescribeTasks StopTask RunTask
        ListContainerInstances DescribeContainerInstances UpdateContainerInstancesState TagResource UntagResource
        ListTagsForResource ListServiceDeployments DescribeServiceDeployments""",
    ("application-autoscaling", "2016-02-06"): """RegisterScalableTarget DeregisterScalableTarget
        DescribeScalableTargets PutScalingPolicy DeleteScalingPolicy DescribeScalingPolicies PutScheduledAction
        DeleteScheduledAction DescribeScheduledActions DescribeScalingActivities""",
    ("elbv2", "2015-12-01"): """CreateLoadBalancer CreateTargetGroup CreateListener CreateRule DeleteLoadBalancer
        DeleteTargetGroup DeleteListener DeleteRule DescribeLoadBalancers DescribeTargetGroups DescribeListeners
        DescribeRules DescribeTargetHealth DescribeTags DescribeTargetGroupAttributes ModifyTargetGroupAttributes
        ModifyListener ModifyRule RegisterTargets DeregisterTargets""",
    ("sts", "2011-06-15"): "GetCallerIdentity AssumeRole",
    ("ec2", "2016-11-15"): "DescribeInstances",
    ("logs", "2014-03-28"): "GetLogEvents",
}
INPUT_ONLY = {"ec2"}
HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent / "src" / "validation" / "generated"


def compact_shape(shape):
    result = {"type": shape["type"]}
    if shape["type"] == "structure":
        result["members"] = {
            name: compact_member(member) for name, member in shape["members"].items()
        }
        if shape.get("required"):
            result["required"] = shape["required"]
    elif shape["type"] == "list":
        result["member"] = shape["member"]["shape"]
    elif shape["type"] == "map":
        result["key"] = shape["key"]["shape"]
        result["value"] = shape["value"]["shape"]
    for limit in ("enum", "min", "max", "pattern"):
        if limit in shape:
            result[limit] = shape[limit]
    return result


def compact_member(member):
    """The shape's name, or [shape, name on the wire] where the EC2 query protocol renames it."""
    name = member.get("queryName")
    if name is None and "locationName" in member:
        name = member["locationName"][0].upper() + member["locationName"][1:]
    return member["shape"] if name is None else [member["shape"], name]


def reachable(model, roots):
    seen, queue = {}, list(roots)
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        shape = model["shapes"][name]
        seen[name] = compact_shape(shape)
        queue += [member["shape"] for member in shape.get("members", {}).values()]
        queue += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
    return {name: seen[name] for name in sorted(seen)}


def generate(service, api_version, names):
    path = pathlib.Path(botocore.__file__).parent / "data" / service / api_version / "service-2.json.gz"
    with gzip.open(path) as stream:
        model = json.load(stream)
    operations, roots = {}, set()
    for name in names:
        source = model["operations"][name]
        operation = {"input": source["input"]["shape"]}
        if "output" in source and service not in INPUT_ONLY:
            operation["output"] = source["output"]["shape"]
            if "resultWrapper" in source["output"]:
                operation["resultWrapper"] = source["output"]["resultWrapper"]
        operations[name] = operation
        roots |= {operation["input"], operation.get("output", operation["input"])}
    shapes = reachable(model, roots)
    lines = [
        "{",
        f'"source": "botocore {botocore.__version__}",',
        f'"apiVersion": "{api_version}",',
        f'"operations": {json.dumps(operations, separators=(",", ":"))},',
        '"shapes": {',
        ",\n".join(f"{json.dumps(name)}: {json.dumps(shape, separators=(',', ':'))}" for name, shape in shapes.items()),
        "}",
        "}",
    ]
    (TARGET / f"{service}.json").write_text("\n".join(lines) + "\n")


for (service, api_version), text in OPERATIONS.items():
    generate(service, api_version, text.split())
