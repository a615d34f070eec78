using CsiLocal.Admin.V1;
using CsiLocal.Diagnostics;
using Grpc.Core;

namespace CsiLocal.Rpc;

/// <summary>Admin.Examine and Admin.Recover: what <c>csilocal doctor</c> asks of the daemon.</summary>
internal sealed partial class AdminService
{
    public override async Task<ExamineResponse> Examine(ExamineRequest request, ServerCallContext context)
    {
        var findings = await examiner.ExamineAsync(context.CancellationToken);
        return new ExamineResponse
        {
            Findings =
            {
                findings.Select(static finding => new Finding
                {
                    Code = finding.Code,
                    Severity = Word(finding.Severity),
                    Subject = finding.Subject,
                    Evidence = finding.Evidence,
                    Remedy = finding.Remedy ?? "",
                }),
            },
        };
    }

    public override async Task<RecoverResponse> Recover(RecoverRequest request, ServerCallContext context)
    {
        await recover(context.CancellationToken);

        // What recovery did was filed under this call, with its reasons.
        var changes = OperationScope.Current is { } operation ? store.ChangesOf(operation) : [];
        return new RecoverResponse
        {
            Decisions = { changes.Select(static change => new Decision { Target = change.Target, What = change.What, Why = change.Why }) },
        };
    }
}
