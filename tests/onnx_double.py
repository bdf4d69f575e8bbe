"""An ONNX model in double precision, run by the definitions of its operators: what an imported network must compute."""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator


def run_double(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the first output of a model of single precision, all of its numbers taken as double ones."""
    double = onnx.ModelProto()
    double.CopyFrom(model)
    # Before version 14 the evaluator takes BatchNormalization as in training. What else the models of the tests hold
    # means the same in both.
    double.opset_import[0].version = max(14, double.opset_import[0].version)
    tensors = list(double.graph.initializer)
    for node in double.graph.node:
        tensors += [a.t for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
        for a in node.attribute:
            if node.op_type == "Cast" and a.name == "to" and a.i == TensorProto.FLOAT:
                a.i = TensorProto.DOUBLE
    for tensor in tensors:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for info in (*double.graph.input, *double.graph.output, *double.graph.value_info):
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    return ReferenceEvaluator(double).run(None, inputs)[0]
