// A generated Go client of the Open Inference Protocol: asks the server whose address is the first argument what examples ask, in their
// order, and prints what it got as JSON.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"predictd.test/oip-go-client/inference"
)

const rows, columns = 2, 16

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	client := inference.NewGRPCInferenceServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	live, err := client.ServerLive(ctx, &inference.ServerLiveRequest{})
	if err != nil {
		return fmt.Errorf("ServerLive: %w", err)
	}
	ready, err := client.ServerReady(ctx, &inference.ServerReadyRequest{})
	if err != nil {
		return fmt.Errorf("ServerReady: %w", err)
	}
	metadata, err := client.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: "simple"})
	if err != nil {
		return fmt.Errorf("ModelMetadata: %w", err)
	}
	response, err := client.ModelInfer(ctx, inferRequest())
	if err != nil {
		return fmt.Errorf("ModelInfer: %w", err)
	}
	outputs := map[string][]int32{}
	for i, output := range response.Outputs {
		if outputs[output.Name], err = decode(response.RawOutputContents[i]); err != nil {
			return fmt.Errorf("output %s: %w", output.Name, err)
		}
	}
	streamed, err := stream(ctx, client, 20)
	if err != nil {
		return fmt.Errorf("ModelStreamInfer: %w", err)
	}
	_, refusal := client.ModelInfer(ctx, &inference.ModelInferRequest{ModelName: "nobody"})

	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"live":     live.Live,
		"ready":    ready.Ready,
		"platform": metadata.Platform,
		"versions": metadata.Versions,
		"shapes":   shapes(append(metadata.Inputs, metadata.Outputs...)),
		"id":       response.Id,
		"model":    response.ModelName,
		"version":  response.ModelVersion,
		"outputs":  outputs,
		"streamed": streamed,
		"refusal":  map[string]string{"code": status.Code(refusal).String(), "message": status.Convert(refusal).Message()},
	})
}

// inferRequest asks for 0, 1, 2… plus and minus ones, as raw bytes.
func inferRequest() *inference.ModelInferRequest {
	first, second := make([]int32, rows*columns), make([]int32, rows*columns)
	for i := range first {
		first[i], second[i] = int32(i), 1
	}
	input := func(name string) *inference.ModelInferRequest_InferInputTensor {
		return &inference.ModelInferRequest_InferInputTensor{Name: name, Datatype: "INT32", Shape: []int64{rows, columns}}
	}
	return &inference.ModelInferRequest{
		ModelName:        "simple",
		Id:               "from Go",
		Inputs:           []*inference.ModelInferRequest_InferInputTensor{input("INPUT0"), input("INPUT1")},
		RawInputContents: [][]byte{encode(first), encode(second)},
	}
}

// stream sends count requests ahead of their answers; gives back the ids of the answers.
func stream(ctx context.Context, client inference.GRPCInferenceServiceClient, count int) ([]string, error) {
	call, err := client.ModelStreamInfer(ctx)
	if err != nil {
		return nil, err
	}
	for i := range count {
		request := inferRequest()
		request.Id = fmt.Sprint(i)
		if err := call.Send(request); err != nil {
			return nil, err
		}
	}
	if err := call.CloseSend(); err != nil {
		return nil, err
	}
	ids := []string{}
	for range count {
		answer, err := call.Recv()
		if err != nil {
			return nil, err
		}
		if answer.ErrorMessage != "" {
			return nil, fmt.Errorf("in band: %s", answer.ErrorMessage)
		}
		ids = append(ids, answer.InferResponse.Id)
	}
	return ids, nil
}

func shapes(tensors []*inference.ModelMetadataResponse_TensorMetadata) map[string][]int64 {
	result := map[string][]int64{}
	for _, tensor := range tensors {
		result[tensor.Name] = tensor.Shape
	}
	return result
}

func encode(values []int32) []byte {
	buffer := new(bytes.Buffer)
	// A buffer in memory takes everything.
	_ = binary.Write(buffer, binary.LittleEndian, values)
	return buffer.Bytes()
}

func decode(raw []byte) ([]int32, error) {
	values := make([]int32, len(raw)/4)
	return values, binary.Read(bytes.NewReader(raw), binary.LittleEndian, values)
}
