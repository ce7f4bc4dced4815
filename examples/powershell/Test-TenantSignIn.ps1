<#
.SYNOPSIS
Diagnoses every user of a tenant that has a Lync Online plan, into a CSV file.

.DESCRIPTION
A runbook for a hybrid worker or an administrator's computer. The users come from
Get-MgUser, so Connect-MgGraph -Scopes User.Read.All has to have been called. One
row is written for each user as it is done.

.PARAMETER Path
The CSV file to write.

.PARAMETER Concurrency
How many users are looked at at a time.

.EXAMPLE
.\Test-TenantSignIn.ps1 -Path .\sign-in.csv
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)]
    [string] $Path,

    [ValidateRange(1, 1000)]
    [int] $Concurrency = 4
)

$ErrorActionPreference = 'Stop'
Import-Module (Join-Path -Path $PSScriptRoot -ChildPath 'LyncDiag')

Get-MgUser -All -Filter 'accountEnabled eq true' -Property 'UserPrincipalName', 'ProxyAddresses', 'ImAddresses', 'AssignedPlans' |
    Where-Object { $_.AssignedPlans | Where-Object { $_.Service -eq 'MicrosoftCommunicationsOnline' -and $_.CapabilityStatus -eq 'Enabled' } } |
    Test-LyncSignIn -Concurrency $Concurrency |
    Select-Object -Property @{ n = 'Address'; e = { $_.target.address } },
        @{ n = 'Outcome'; e = { $_.verdict.outcome } },
        @{ n = 'Types'; e = { $_.verdict.types -join ' ' } },
        @{ n = 'Finding'; e = { $_.verdict.primary } },
        @{ n = 'Summary'; e = { $_.verdict.summary } },
        @{ n = 'Owner'; e = { $report = $_; ($report.findings | Where-Object { $_.name -eq $report.verdict.primary } | Select-Object -First 1).owner } },
        @{ n = 'Seen'; e = { $_.startedAt.ToString('u') } } |
    Export-Csv -LiteralPath $Path -NoTypeInformation -Encoding UTF8
