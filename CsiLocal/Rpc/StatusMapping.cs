using CsiLocal.Tools;
using CsiLocal.Volumes;
using Grpc.Core;

namespace CsiLocal.Rpc;

/// <summary>The one place where failures become gRPC status codes.</summary>
internal static class StatusMapping
{
    public static Status ToStatus(Exception failure) => failure switch
    {
        RpcException rpc => rpc.Status,
        StorageException storage => new Status(Code(storage.Error), storage.Describe()),
        ToolException tool => new Status(
            tool.Failure is ToolFailure.TimedOut or ToolFailure.Unkillable ? StatusCode.Aborted : StatusCode.Internal,
            Describe(tool)),
        OperationCanceledException => new Status(StatusCode.Cancelled, "the caller went; what was begun goes on"),
        _ => new Status(StatusCode.Internal, $"unexpected {failure.GetType().Name}: {failure.Message}"),
    };

    private static StatusCode Code(StorageError error) => error switch
    {
        StorageError.InvalidArgument => StatusCode.InvalidArgument,
        StorageError.NotFound => StatusCode.NotFound,
        StorageError.AlreadyExists => StatusCode.AlreadyExists,
        StorageError.OutOfRange => StatusCode.OutOfRange,
        StorageError.ResourceExhausted => StatusCode.ResourceExhausted,
        StorageError.FailedPrecondition => StatusCode.FailedPrecondition,
        StorageError.Aborted => StatusCode.Aborted,
        StorageError.Unavailable => StatusCode.Unavailable,
        StorageError.DataLoss => StatusCode.DataLoss,
        StorageError.Internal => StatusCode.Internal,
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, null),
    };

    private static string Describe(ToolException tool) => tool.Failure switch
    {
        ToolFailure.TimedOut or ToolFailure.Unkillable =>
            $"{tool.Message}; its outcome is uncertain and is looked at by the next call on this volume",
        _ => tool.Message,
    };
}
