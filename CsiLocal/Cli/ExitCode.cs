using Grpc.Core;

namespace CsiLocal.Cli;

/// <summary>What the process ends with; documented in <c>csilocal --help</c>, so that scripts can rely on it.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int NotFound = 3;
    public const int AlreadyExists = 4;
    public const int NoSpace = 5;
    public const int Precondition = 6;
    public const int Busy = 7;
    public const int Unavailable = 8;
    public const int Interrupted = 130;

    public static int From(StatusCode code) => code switch
    {
        StatusCode.OK => Success,
        StatusCode.InvalidArgument => Usage,
        StatusCode.NotFound => NotFound,
        StatusCode.AlreadyExists => AlreadyExists,
        StatusCode.ResourceExhausted or StatusCode.OutOfRange => NoSpace,
        StatusCode.FailedPrecondition => Precondition,
        StatusCode.Aborted or StatusCode.DeadlineExceeded => Busy,
        StatusCode.Unavailable => Unavailable,
        StatusCode.Cancelled => Interrupted,
        _ => Failed,
    };
}
