"""The bytes of a graph, read back by the onnx package."""

import numpy as np
import onnx
from onnx import numpy_helper

from tertulia.engines.onnxruntime import wire
from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.weights import Matrix


def small() -> Graph:
    graph = Graph(int8=False)
    x = graph.input("x", "float32", "rows", 3)
    normed = graph.op(
        "SimplifiedLayerNormalization",
        x,
        graph.constant(np.ones(3, np.float32)),
        axis=-1,
        epsilon=0.5,
    )
    graph.linear(normed, Matrix(np.ones((200, 3), np.float32)), to="y")
    graph.output("y", "float32", "rows", 200)
    return graph


def test_onnx_reads_the_nodes_and_their_attributes() -> None:
    model = onnx.load_model_from_string(small().model()[0])
    norm, product = model.graph.node
    told = {each.name: onnx.helper.get_attribute_value(each) for each in norm.attribute}
    assert told == {"axis": -1, "epsilon": 0.5}
    assert (norm.op_type, product.op_type) == ("SimplifiedLayerNormalization", "MatMul")
    assert product.input[0] == norm.output[0]
    assert [(each.domain, each.version) for each in model.opset_import] == list(wire.OPSETS)


def test_onnx_reads_sizes_that_vary_and_sizes_that_do_not() -> None:
    (x,) = onnx.load_model_from_string(small().model()[0]).graph.input
    assert [each.dim_param or each.dim_value for each in x.type.tensor_type.shape.dim] == [
        "rows",
        3,
    ]
    assert x.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_small_constants_travel_inside_and_large_ones_beside() -> None:
    content, outside = small().model()
    inside, beside = onnx.load_model_from_string(content).graph.initializer
    assert np.array_equal(numpy_helper.to_array(inside), np.ones(3))
    assert beside.data_location == onnx.TensorProto.EXTERNAL
    assert list(beside.dims) == [3, 200]
    assert outside[beside.name].shape == (3, 200)


def test_every_kind_of_attribute_comes_back() -> None:
    values: dict[str, wire.Attribute] = {"i": -3, "f": 1.5, "s": "ü", "n": [1, 2, 300]}
    read = onnx.NodeProto.FromString(wire.node("Any", ["a", ""], ["b"], "d", values))
    told = {each.name: onnx.helper.get_attribute_value(each) for each in read.attribute}
    assert told == {"i": -3, "f": 1.5, "s": "ü".encode(), "n": [1, 2, 300]}
    assert (read.domain, list(read.input)) == ("d", ["a", ""])
